"""Entries of a camt message and the payments within them, cut out as texts, some thousand at a time.

A message in UTF-8 without comments or sections of its own is cut as text (`as_text`), which holds only of one that its
schema finds right; any other is cut element by element (`by_element`). Both give the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from lxml import etree

from loanbook.pipelines.formats.bank.iso20022.gathering import CHUNK
from loanbook.pipelines.formats.bank.iso20022.stream import SAFE, Message, children, elements, local

ENTRY, PAYMENT = "Ntry", "TxDtls"
PART = 2**21
"""Bytes that are cut at a time."""
HEADS = {
    "statement": pl.Int64,
    "entry": pl.Int64,
    "line": pl.Int64,
    "details": pl.Int64,
    "text": pl.String,
}
"""Entries without their payments: place of the statement and of the entry, line, how many payments, its text."""
PAYMENTS = {"entry": pl.Int64, "line": pl.Int64, "text": pl.String}
Told = Callable[[Any], None]
"""Is given the header and each statement, without its entries, as it ends."""
_STRANGE = r"<[!?]|&#|xmlns"
"""What makes an entry's text another than what is parsed; `&#`: a character by its number."""
_ODD = re.compile(r"<[!?]")
_DECLARED = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:<\?xml(?:[^>]*?encoding\s*=\s*[\"']([^\"'>]*)[\"'])?[^>]*\?>)?"
)


@dataclass(frozen=True)
class Cut:
    """Some entries: `heads` (schema `HEADS`) and their `payments` (schema `PAYMENTS`), by order."""

    heads: pl.DataFrame
    payments: pl.DataFrame


@dataclass
class _Place:
    """How far a message is cut."""

    line: int = 1
    entry: int = 0
    statement: int = 1


def cuttable(data: bytes, message: Message) -> tuple[bytes, int] | None:
    """The bytes, with line feeds alone between lines, and where the declaration ends, if they may be cut as text."""
    declared = _DECLARED.match(data)
    if declared is None or message.problems or (declared[1] or b"utf-8").lower() != b"utf-8":
        return None
    if b"\r" not in data:
        return data, declared.end()
    head = declared[0].replace(b"\r\n", b"\n")
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), len(head)


def as_text(body: tuple[bytes, int], message: Message, tag: str, told: Told) -> Iterator[Cut]:
    """Cuts of a `cuttable` message. ValueError: something in it stands in an unusual way."""
    ends = f"</{message.prefix}{ENTRY}>".encode()
    data, start = body
    before = data.count(b"\n", 0, start)
    skeleton, at = ["\n" * before], _Place(line=1 + before)
    lines = b"\n" in data
    while (end := _end(data, ends, start)) >= 0:
        yield _part(data[start:end].decode(), at, skeleton, (message.prefix, tag, lines))
        start = end + len(ends)
    skeleton.append(data[start:].decode())
    whole = "".join(skeleton)
    if _ODD.search(whole):
        raise ValueError("a comment or a section of its own")
    ended = 0
    for each in etree.fromstring(whole.encode(), etree.XMLParser(**SAFE)).iter():
        name = local(each.tag)
        if name == ENTRY:
            raise ValueError(
                "an entry was not cut: its tags are more than its name, or of another prefix"
            )
        if name in (tag, "GrpHdr"):
            told(each)
            ended += name == tag
    if ended != whole.count(f"</{message.prefix}{tag}>"):
        raise ValueError("a statement ends with more than its name, or by another prefix")


def _end(data: bytes, ends: bytes, start: int) -> int:
    """Where the last entry of a part begins to end; below zero: there is no more."""
    last = data.rfind(ends, start, start + PART)
    return last if last >= 0 else data.find(ends, start)


def _part(text: str, at: _Place, skeleton: list[str], how: tuple[str, str, bool]) -> Cut:
    """The entries of a part that ends where one does; what is before them goes to `skeleton`, its lines kept."""
    prefix, tag, lines = how
    pieces = (
        pl.DataFrame({"text": [text]})
        .select(pl.col("text").str.split(f"</{prefix}{ENTRY}>").explode())
        .select(pl.col("text").str.splitn(f"<{prefix}{ENTRY}>", 2).struct.rename_fields(["before", "text"])).unnest("text")
        .with_row_index("entry", offset=at.entry + 1)
        .with_columns(pl.col("entry").cast(pl.Int64), feeds=_feeds("before", lines), own=_feeds("text", lines))
    )  # fmt: skip
    if pieces["text"].null_count() or pieces["text"].str.contains(_STRANGE).any():
        raise ValueError("an entry or what is in it begins with more than its name")
    ended = (
        pl.col("before")
        .str.count_matches(f"</{prefix}{tag}>", literal=True)
        .cast(pl.Int64)
        .cum_sum()
    )
    whole = pl.col("feeds") + pl.col("own")
    pieces = pieces.with_columns(
        statement=at.statement + ended, line=at.line + whole.cum_sum() - pl.col("own"),
        details=pl.col("text").str.count_matches(f"</{prefix}{PAYMENT}>", literal=True).cast(pl.Int64),
    )  # fmt: skip
    feeds = pl.lit("\n").repeat_by("own").list.join("") if lines else pl.lit("")
    skeleton.append(pieces.select(pl.concat_str("before", feeds).str.join(""))["before"].item())
    at.entry += pieces.height
    at.statement = int(pieces["statement"].item(-1))
    at.line += int(pieces.select(whole.sum()).item())
    return _apart(pieces, prefix, lines)


def _apart(pieces: pl.DataFrame, prefix: str, lines: bool) -> Cut:
    """Entries apart from their payments."""
    begins, ends = f"<{prefix}{PAYMENT}>", f"</{prefix}{PAYMENT}>"
    single = (
        pieces.select("entry", "details", "line", pl.col("text").str.splitn(begins, 2).struct.rename_fields(["head", "text"]))
        .unnest("text")
        .with_columns(pl.col("text").str.splitn(ends, 2).struct.rename_fields(["text", "rest"])).unnest("text")
    )  # fmt: skip
    heads = single.select("entry", text=pl.concat_str("head", pl.col("rest").fill_null("")))
    payments = single
    several = pieces.filter(pl.col("details") > 1)
    if several.height:
        parts = (
            several.select("entry", "details", "line", pl.col("text").str.split(ends)).explode("text")
            .with_columns(pl.col("text").str.splitn(begins, 2).struct.rename_fields(["head", "text"])).unnest("text")
        )  # fmt: skip
        joined = parts.group_by("entry", maintain_order=True).agg(text=pl.col("head").str.join(""))
        heads = heads.update(joined, on="entry")
        few = single.filter(pl.col("details") < 2).drop("rest")
        payments = pl.concat([few, parts.select(few.columns)]).sort("entry", maintain_order=True)
    if lines:
        before, own = _feeds("head", lines), _feeds("text", lines).fill_null(0)
        passed = (before + own).cum_sum().over("entry")
        payments = payments.with_columns(line=pl.col("line") + passed - own)
    payments = payments.filter(pl.col("text").is_not_null()).select(PAYMENTS.keys())
    if payments.height != pieces["details"].sum():
        raise ValueError("a payment begins with more than its name")
    return Cut(pieces.with_columns(text=heads["text"]).select(HEADS.keys()), payments)


def _feeds(name: str, lines: bool) -> pl.Expr:
    """How many lines a text ends."""
    return (
        pl.col(name).str.count_matches("\n", literal=True).cast(pl.Int64)
        if lines
        else pl.lit(0, pl.Int64)
    )


def by_element(data: bytes, message: Message, tag: str, told: Told) -> Iterator[Cut]:
    """Cuts of any message, up to where it is no XML; what is wrong with it is told to the message."""
    heads: list[tuple[int, int, int, int, str]] = []
    payments: list[tuple[int, int, str]] = []
    at = _Place()
    for element in elements(data, message, (ENTRY, tag, "GrpHdr")):
        if local(element.tag) != ENTRY:
            told(element)
            at.statement += local(element.tag) == tag
            continue
        at.entry += 1
        inside = [
            each for block in children(element, "NtryDtls") for each in children(block, PAYMENT)
        ]
        for each in inside:
            payments.append((at.entry, int(each.sourceline or 0), _text(each)))
            each.getparent().remove(each)
        heads.append(
            (at.statement, at.entry, int(element.sourceline or 0), len(inside), _text(element))
        )
        if len(heads) >= CHUNK:
            yield _framed(heads, payments)
            heads, payments = [], []
    if heads:
        yield _framed(heads, payments)


def _framed(
    heads: list[tuple[int, int, int, int, str]], payments: list[tuple[int, int, str]]
) -> Cut:
    return Cut(
        pl.DataFrame(heads, schema=HEADS, orient="row"),
        pl.DataFrame(payments, schema=PAYMENTS, orient="row"),
    )


def _text(element: Any) -> str:
    return str(etree.tostring(element, encoding="unicode", with_tail=False))
