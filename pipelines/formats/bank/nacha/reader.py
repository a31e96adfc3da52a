"""NACHA files, as vectorised fixed width: all entry classes with their addenda, returns, notifications of
change, and parts of a file without header or control, as banks deliver them.

Source: Nacha Operating Rules, appendix 3; returns, appendix 4; notifications of change, appendix 5.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.frames import within_pool
from loanbook.core.payments.ach_codes import CONTESTED, DISHONOURED, REFUSED
from loanbook.core.payments.bank_file import BankFile, shaped
from loanbook.pipelines.formats.bank.limits import text_of
from loanbook.pipelines.formats.bank.nacha import checks
from loanbook.pipelines.formats.bank.nacha.records import (
    HASH,
    LENGTH,
    at,
    day,
    number,
    records,
    word,
)

CURRENCY = "USD"
HEADER = {
    "immediate_destination": (4, 13), "immediate_origin": (14, 23), "creation_date": (24, 29),
    "creation_time": (30, 33), "id_modifier": (34, 34), "record_size": (35, 37),
    "blocking_factor": (38, 39), "format_code": (40, 40), "destination_name": (41, 63),
    "origin_name": (64, 86), "reference": (87, 94),
}  # fmt: skip
"""Fields of the file header."""


def read(data: bytes) -> BankFile:
    """A NACHA file as it is told; raises IntakeError for one that is too large."""
    text = text_of(data)
    return within_pool(lambda: _read(text), len(text) // LENGTH)


def _read(text: str) -> BankFile:
    lines = records(text)
    heads, entries = batch_headers(lines), _entries(lines)
    addenda = lines.filter(pl.col("kind") == "7")
    entries = _with_addenda(entries.join(heads.select("batch", "sec", "iat", "date"), on="batch", how="left"),
                            addenda)  # fmt: skip
    batches = _summed(heads, entries, lines)
    last = lines.filter(pl.col("kind") == "1").tail(1)
    heading: dict[str, str] = {}
    if last.height:
        heading = last.select(word(*place).alias(name) for name, place in HEADER.items()).row(
            0, named=True
        )
    returns, changes = _returns(addenda, entries), _changes(addenda, entries)
    problems, controls = checks.checked(lines, batches, entries, returns, changes)
    kinds = lines.filter(pl.col("kind").is_in(["1", "9"]))["kind"].unique()
    return BankFile(
        format="nacha",
        created=f"{heading['creation_date']} {heading['creation_time']}" if heading else None,
        heading=heading,
        partial=len(kinds) < 2,
        frames={
            "batches": shaped("batches", batches),
            "entries": shaped("entries", entries.with_columns(batch=pl.col("batch").replace(0, None))),
            "returns": shaped("returns", returns),
            "changes": shaped("changes", changes),
            "problems": problems,
            "controls": controls,
        },
    )  # fmt: skip


def batch_headers(lines: pl.DataFrame) -> pl.DataFrame:
    """One row a batch header: its fields, and where it stands. An IAT batch names no company."""
    heads = lines.filter(pl.col("kind") == "5")
    iat = (word(51, 53) == "IAT") | (word(5, 20) == "IATCOR")
    return heads.select(
        "batch",
        "line",
        number=word(88, 94),
        sec=word(51, 53),
        entry_class=word(51, 53),
        service_class=word(2, 4),
        company=word(5, 20),
        company_id=word(41, 50),
        description=word(54, 63),
        date=day(70, 75),
        date_text=at(70, 75),
        bank=word(80, 87),
        iat=iat,
    )


def _entries(lines: pl.DataFrame) -> pl.DataFrame:
    code = at(2, 3)
    known = code.str.contains(r"^[0-9]{2}$")
    low = code.str.slice(1, 1).str.to_integer(strict=False)
    credit = pl.when(code.str.starts_with("8")).then(low % 2 == 1).otherwise(low <= 4)
    return lines.filter(pl.col("kind") == "6").select(
        "entry",
        "line",
        "batch",
        "text",
        code=code,
        direction=pl.when(known).then(
            pl.when(credit).then(pl.lit("credit")).otherwise(pl.lit("debit"))
        ),
        counterparty_bank=word(4, 12),
        reference=at(80, 94),
        indicator=at(79, 79),
    )


def _with_addenda(entries: pl.DataFrame, addenda: pl.DataFrame) -> pl.DataFrame:
    """Fields of the entries that stand elsewhere by class (`sec`, `iat`), and what the addenda add."""
    adv, iat = pl.col("sec") == "ADV", pl.col("iat").fill_null(False)
    sec = pl.col("sec").fill_null("")
    in_front = sec.is_in(["CIE", "MTE"])
    corporate = sec.is_in(["CTX", "ACK", "ATX", "TRX", "ENR"])
    said = (
        addenda.filter(pl.col("entry") > 0)
        .with_columns(type=at(2, 3))
        .group_by("entry")
        .agg(
            details=pl.len(),
            remittance=at(4, 83).filter(pl.col("type").is_in(["05", "17"])).str.join("").str.strip_chars(),
            _name=word(47, 81).filter(pl.col("type") == "10").first(),
        )
    )  # fmt: skip
    name = (
        pl.when(iat).then("_name")
        .when(sec == "MTE").then(word(40, 61))
        .when(sec == "CIE").then(word(40, 54))
        .when(corporate).then(word(59, 74))
        .when(sec.is_in(["TRC", "XCK"])).then(None)
        .otherwise(word(55, 76))
    )  # fmt: skip
    own = (
        pl.when(iat).then(None)
        .when(sec == "MTE").then(word(62, 76))
        .when(in_front).then(word(55, 76))
        .otherwise(word(40, 54))
    )  # fmt: skip
    account = pl.when(adv).then(word(13, 27)).when(iat).then(word(40, 74)).otherwise(word(13, 29))
    return entries.join(said, on="entry", how="left", maintain_order="left").with_columns(
        pl.col("details").fill_null(0).cast(pl.Int64),
        amount=pl.when(adv).then(number(28, 39)).otherwise(number(30, 39)),
        currency=pl.lit(CURRENCY),
        value_date="date",
        counterparty=name,
        client_ref=own,
        counterparty_account=account,
        hashed=number(4, 11),
        reversal=pl.lit(False),
    )


def _summed(heads: pl.DataFrame, entries: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Batches with what their entries come to."""
    amount, way = pl.col("amount"), pl.col("direction")
    sums = entries.group_by("batch").agg(
        entries=pl.len(),
        debit=amount.filter(way == "debit").sum(),
        credit=amount.filter(way == "credit").sum(),
        entry_hash=pl.col("hashed").sum() % HASH,
    )
    addenda = lines.filter(pl.col("kind") == "7").group_by("batch").agg(addenda=pl.len())
    summed = ("entries", "addenda", "debit", "credit", "entry_hash")
    return (
        heads.join(sums, on="batch", how="left")
        .join(addenda, on="batch", how="left", maintain_order="left")
        .with_columns(pl.col(summed).fill_null(0).cast(pl.Int64))
        .sort("batch")
    )


def _told_of(addenda: pl.DataFrame, entries: pl.DataFrame, type_: str) -> pl.DataFrame:
    """Addenda of a type, with the entry that they belong to."""
    found = addenda.filter(at(2, 3) == type_).select("line", "text", "entry")
    of = entries.filter(pl.col("entry").is_in(found["entry"].implode())).select("entry", "amount")
    return found.join(of, on="entry", how="left", maintain_order="left").with_columns(
        pl.col("entry").replace(0, None)
    )


def _returns(addenda: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    code = at(4, 6)
    nth = code.str.slice(1, 2).str.to_integer(strict=False)
    kind = (
        pl.when(nth.is_between(DISHONOURED.start, DISHONOURED.stop - 1)).then(pl.lit("dishonored_return"))
        .when(nth.is_between(CONTESTED.start, CONTESTED.stop - 1)).then(pl.lit("contested_dishonored_return"))
        .otherwise(pl.lit("return"))
    )  # fmt: skip
    return _told_of(addenda, entries, "99").select(
        "line",
        "entry",
        "amount",
        code=code,
        kind=kind,
        original=word(7, 21),
        original_bank=word(28, 35),
        trace=word(80, 94),
        reason=word(36, 79),
    )


def _changes(addenda: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    code = at(4, 6)
    return _told_of(addenda, entries, "98").select(
        "line",
        "entry",
        code=code,
        original=word(7, 21),
        original_bank=word(28, 35),
        corrected=word(36, 64),
        trace=word(80, 94),
        refused=code.is_in(REFUSED),
    )
