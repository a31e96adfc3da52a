"""Bank files that something happened to, by a seed: whatever it was, every entry is read or named.

`FUZZ=1000000 SEED=2 pytest tests/payment_files` makes so many mutations. Files of lines are mutated each once and read
some at a time, one behind the other; a few by themselves.
"""

from __future__ import annotations

import os
import random
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import polars as pl
from lxml import etree

from loanbook.core.errors import IntakeError
from loanbook.core.frames import empty
from loanbook.core.payments.bank_file import SCHEMAS, BankFile
from loanbook.pipelines.formats.bank import metro2
from loanbook.pipelines.formats.bank.iso20022 import camt
from loanbook.pipelines.formats.bank.iso20022.stream import opened
from loanbook.pipelines.formats.bank.limits import text_of, unix
from loanbook.pipelines.formats.bank.nacha.records import records
from loanbook.pipelines.formats.bank.reading import READERS
from tests.mutations import mutated, with_other_leaves
from tests.payment_files.runner import FILES, FORMATS, expectations

COUNT = int(os.environ.get("FUZZ", "10000"))
SEED = int(os.environ.get("SEED", "1"))
UNREADABLE = (
    "amount_not_numeric", "amount_finer_than_currency", "amount_too_large", "amount_missing",
    "unknown_currency", "entry_amount_missing_or_bad", "bad_entry_line",
)  # fmt: skip
"""Kinds of problem that an entry without an amount has."""
LARGEST = 16_000
"""Bytes of a sample that is mutated at most: larger ones say nothing that these do not, and cost more."""


def _nacha(data: bytes, file: BankFile) -> None:
    """Every record is a header, an entry, an addenda, a control, padding, or named as none of them."""
    kinds = dict(records(text_of(data)).group_by("kind").len().rows())
    assert file.entries.height == kinds.get("6", 0)
    outside = file.problems.filter(pl.col("kind") == "addenda_outside_entry").height
    assert int(file.entries["details"].sum()) + outside == kinds.get("7", 0)
    unknown = file.problems.filter(pl.col("kind") == "unknown_record_type").height
    assert unknown == sum(n for kind, n in kinds.items() if kind not in "156789" and kind != "pad")
    batches, amounts = file.frame("batches"), file.entries["amount"].sum()
    orphans = file.entries.filter(pl.col("batch").is_null() | pl.col("direction").is_null())
    assert batches["debit"].sum() + batches["credit"].sum() + orphans["amount"].sum() == amounts


def _swift(data: bytes, file: BankFile) -> None:
    text = unix(text_of(data))
    text = text.replace("@@", "\n") if "@@:" in text else text
    assert file.entries.height == len(re.findall(r"^\ufeff*:61:", text, re.M))


def _bai2(data: bytes, file: BankFile) -> None:
    pieces = re.split(r"\n|/[ \t]*(?=(?:01|02|03|16|49|88|98|99),)", unix(text_of(data)))
    assert file.entries.height == sum(p.strip().split(",")[0] in {"16", "16/"} for p in pieces)


def _iso(data: bytes, file: BankFile) -> None:
    """As many entries as elements of them, or the file is said not to be well formed."""
    unread = {"not_well_formed", "unknown_message", "empty_document"}
    if unread & set(file.problems["kind"]):
        assert not file.valid
        return
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    tags = {"camt": ("Ntry",), "pain": ("CdtTrfTxInf", "DrctDbtTxInf", "TxInfAndSts")}[
        file.format[:4]
    ]
    found = sum(len(root.findall(f".//{{*}}{tag}")) for tag in tags)
    assert (
        file.entries.height
        + file.frame("acknowledgements").filter(pl.col("level") == "payment").height
        == found
    )


ACCOUNTED: dict[str, Callable[[bytes, BankFile], None]] = {
    "nacha": _nacha, "mt940": _swift, "bai2": _bai2, "camt": _iso, "pain": _iso, "pain.002": _iso,
}  # fmt: skip


OF_LINES = ("nacha", "mt940", "bai2")
TOGETHER = {"nacha": 80, "mt940": 20, "bai2": 20}
"""Mutated files of lines that are read one behind the other."""
LEAVES = 60
"""Leaves of a message that say something else."""


def _next(reader: str, samples: list[bytes], rng: random.Random, n: int) -> tuple[bytes, int]:
    """A mutated file and how many mutations it has."""
    if n % 3 == 0:
        times = rng.randrange(1, 4)
        return mutated(rng.choice(samples), rng, times), times
    if reader in OF_LINES:
        count = TOGETHER[reader]
        return b"\n".join(mutated(rng.choice(samples), rng, 1) for _ in range(count)), count
    times = rng.randrange(1, LEAVES)
    return with_other_leaves(rng.choice(samples), rng, times), times


def _checked(reader: str, data: bytes, file: BankFile) -> None:
    """Every entry is read or named, in frames of their schemas, and no file makes endless problems."""
    ACCOUNTED[reader](data, file)
    lacking = file.entries["amount"].null_count()
    assert file.problems.filter(pl.col("kind").is_in(UNREADABLE)).height >= lacking
    assert (file.entries["amount"].drop_nulls() >= 0).all()
    untied = set(file.frame("controls").filter(~pl.col("ties"))["kind"])
    assert not untied or file.problems.height
    for name in SCHEMAS:
        assert file.frame(name).schema == empty(SCHEMAS[name]).schema
    assert file.problems.height <= 20 + 10 * len(data)


def test_every_entry_of_a_mutated_bank_file_is_read_or_named() -> None:
    samples: dict[str, list[bytes]] = defaultdict(list)
    for path, case in expectations(FILES):
        if case["format"] in FORMATS and case["bytes"] < LARGEST:
            samples[FORMATS[case["format"]][0]].append(path.read_bytes())
    rng, made, read, refused, invalid = random.Random(SEED), 0, 0, 0, 0
    of = {reader: COUNT // len(samples) + 1 for reader in samples}
    for reader, share in of.items():
        done = 0
        while done < share:
            data, count = _next(reader, samples[reader], rng, read)
            done, read = done + count, read + 1
            try:
                file = READERS[reader](data)
            except IntakeError:
                refused += 1
                continue
            _checked(reader, data, file)
            invalid += not file.valid
        made += done
    assert made >= COUNT
    assert refused < read / 20
    assert invalid > read / 4


def _told(report: camt._Report) -> dict[str, list[dict[str, Any]]]:
    camt._ended(report)
    frames = report.ended("camt", report.header).frames
    return {name: frame.to_dicts() for name, frame in sorted(frames.items())}


def test_a_message_that_is_cut_as_text_tells_what_it_tells_element_by_element() -> None:
    """All shipped messages that may be cut so, as they are and with other leaves, line ends and blanks."""
    rng, same = random.Random(SEED), 0
    for path, case in expectations(FILES):
        if case["format"][:4] != "camt" or case["bytes"] > LARGEST:
            continue
        whole = path.read_bytes()
        others = [with_other_leaves(whole, rng, 2) for _ in range(COUNT // 5000)]
        for data in (whole, whole.replace(b"><", b">\r\n <"), *others):
            message = opened(data)
            tag = camt.FORMATS.get(message.container or "", ("", "Stmt"))[1]
            as_text = camt._as_text(data, message, tag)
            if as_text is not None:
                assert _told(as_text) == _told(camt._by_element(data, opened(data), tag)), path
                same += 1
    assert same > 20


def test_tags_that_are_written_unusually_hide_nothing_from_what_is_cut_as_text() -> None:
    """An end with a blank, another prefix of the same namespace: what the schema finds right is read element by element
    then, and a sign of private use in a name is a part of it."""
    whole = (FILES / "camt053" / "viafintech__053__valid_example_v4.xml").read_bytes()
    name = re.findall(rb'xmlns="([^"]+)"', whole)[0]
    own = b'xmlns="%s"' % name
    twice = whole.replace(own, own + b' xmlns:a="%s"' % name, 1)
    unusual = [
        re.sub(b"(</?)(%s)>" % each, rb"\1a:\2>", twice) for each in (b"Ntry", b"TxDtls", b"Stmt")
    ]
    unusual += [
        re.sub(b"<(/?%s)>" % each, rb"<\1 >", whole, count=2) for each in (b"Ntry", b"TxDtls")
    ]
    unusual.append(whole.replace(b"</Stmt>", b"</Stmt >"))
    signed = re.sub(b"<Nm>", b"<Nm>\xee\x80\x80", whole)
    for data in (*unusual, signed):
        assert data not in (whole, twice)
        read = camt.read(data)
        assert read.judged
        assert read.valid
        assert read.entries.height == 13
        assert read.frame("details").height == camt.read(whole).frame("details").height
        assert (
            read.frames["entries"]
            .drop("line", "counterparty")
            .equals(camt.read(whole).frames["entries"].drop("line", "counterparty"))
        )
    names = camt.read(signed).frame("details")["counterparty"].drop_nulls()
    assert names.str.starts_with("\ue000").all()


def test_every_line_of_a_mutated_metro_2_file_is_read_or_named() -> None:
    samples = [path.read_bytes() for path, case in expectations(FILES)
               if case["format"] == "metro2" and path.suffix != ".json"]  # fmt: skip
    rng = random.Random(SEED)
    for n in range(COUNT // 100):
        data = mutated(samples[n % len(samples)], rng)
        try:
            file = metro2.read(data)
        except IntakeError:
            continue
        plain = unix(text_of(data)).rstrip("\n")
        if data.startswith(b"PK") or "\n" not in plain:
            continue
        unread = file.problems.filter(pl.col("kind") == "unparsable_lines")["found"].to_list()
        named = int(unread[0].split(":")[0]) if unread else 0
        ends = sum(
            re.match(r"(?:.{4})?[0-9]{4}(HEADER|TRAILER)", line) is not None
            for line in plain.split("\n")
        )
        told = (pl.Series(plain.split("\n")).str.strip_chars() != "").sum()
        assert file.accounts.height + named + ends == told
