"""A lockbox's file in the BAI form: cheques and what came with them, by deposit, as rows of a collector's file.

Records of a fixed width: 1 file, 2 service, 5 lockbox and deposit, 6 a cheque, 4 more of what came with it, 7 sum of a
batch, 8 sum of a deposit, 9 end of the file. Banks put fields at places of their own, so the places are policy. Amounts have
two decimals that are not written. A lockbox may have several deposits on a day: each ends with its record 8, and the number of
its first batch tells it from the others, in whichever file it comes.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.money import decimal_text
from loanbook.core.errors import IntakeError
from loanbook.core.policy.payments.collections import CollectionMapping, LockboxPlaces
from loanbook.pipelines.formats.bank.limits import text_of, unix
from loanbook.pipelines.formats.table import Bad

RECORDS = "12456789"
_OF = ["deposit", "batch", "item"]
"""What names a cheque."""


def canonical(data: bytes, mapping: CollectionMapping) -> tuple[pl.DataFrame, Bad]:
    """Cheques and deposits as texts of a collector's file (`line`, `reference`, `kind` and its other fields).

    IntakeError: it is no lockbox's file, or a batch or the file does not come to what it states of itself.
    """
    at = mapping.lockbox
    assert at is not None
    lines = _lines(data, at)
    cheques = _cheques(lines, at)
    _must_tie(lines, cheques, at)
    empty = {name: pl.lit("") for name in ("loan_key", "fee", "original")}
    told = cheques.with_columns(
        reference=pl.concat_str("deposit", "batch", "item", "cheque", separator="-"),
        kind=pl.lit("payment"), note=pl.concat_str("remittance", "more", separator=" ").str.strip_chars(),
    )  # fmt: skip
    totals = lines.filter(pl.col("kind") == "8").with_columns(
        reference=pl.concat_str(pl.lit("deposit-"), "group"), kind=pl.lit("total"), payer=pl.lit(""), note=pl.lit(""),
        amount=_money(at.total_amount),
    )  # fmt: skip
    columns = ["line", "reference", "kind", "amount", "value_date", "payer", "note", "group"]
    both = pl.concat([each.select(columns) for each in (told, totals)])
    constants = {name: pl.lit(value) for name, value in mapping.constants.items()}
    return both.with_columns(**empty).with_columns(**constants), []


def _lines(data: bytes, at: LockboxPlaces) -> pl.DataFrame:
    """Records: `line`, `text`, `kind`, the lockbox and day that each belongs to (`deposit`) and the day alone (`value_date`,
    text), and the deposit of them (`group`)."""
    body = unix(text_of(data)).rstrip("\n")
    lines = (
        pl.Series("text", [body]).str.split("\n").explode().to_frame().with_row_index("line", offset=1)
        .filter(pl.col("text").str.strip_chars() != "")
        .with_columns(pl.col("line").cast(pl.Int64), kind=pl.col("text").str.slice(0, 1))
    )  # fmt: skip
    first = lines["kind"].first()
    if first != "1":
        raise IntakeError(
            f"its first record begins with {str(first)[:1]!r}, that of a lockbox's file with 1; is it of another mapping?"
        )
    odd = lines.filter(~pl.col("kind").is_in([*RECORDS]))
    if odd.height:
        raise IntakeError(
            f"line {odd['line'][0]} is no record of a lockbox's file ({', '.join(RECORDS)})"
        )
    opens = pl.col("kind").is_in(["5", "8"])
    number, day = (pl.when(opens).then(_field(span)) for span in (at.number, at.date))
    ended = (pl.col("kind") == "8").cum_sum().shift(1).fill_null(0)
    named = lines.with_columns(
        number=number, value_date=day, section=ended,
        batch=pl.when(pl.col("kind").is_in(["6", "7"])).then(_field(at.batch)),
    ).with_columns(
        pl.col("number", "value_date").forward_fill(), first=pl.col("batch").drop_nulls().first().over("section").fill_null("")
    )  # fmt: skip
    # of deposits of a day whose batches are numbered alike the second of a file is the second
    keys = ["number", "value_date", "first"]
    ends = named.filter(pl.col("kind") == "8").select(
        "section", nth=pl.int_range(1, pl.len() + 1).over(keys)
    )
    again = pl.when(pl.col("nth") > 1).then(pl.format(".{}", "nth")).otherwise(pl.lit(""))
    return named.join(ends, on="section", how="left", maintain_order="left").with_columns(
        deposit=pl.concat_str("number", pl.lit("-"), "value_date", again)
    ).with_columns(group=pl.concat_str("deposit", "first", separator="-")).drop("batch")  # fmt: skip


def _cheques(lines: pl.DataFrame, at: LockboxPlaces) -> pl.DataFrame:
    """A row a cheque, with `more` of what came with it."""
    named = {"batch": _field(at.batch), "item": _field(at.item)}
    more = (
        lines.filter(pl.col("kind") == "4").with_columns(**named)
        .group_by(_OF, maintain_order=True).agg(more=_field(at.overflow).str.join(" "))
    )  # fmt: skip
    return (
        lines.filter(pl.col("kind") == "6")
        .with_columns(
            **named, amount=_money(at.amount), cheque=_field(at.cheque), payer=_field(at.payer),
            remittance=_field(at.remittance),
        )
        .join(more, on=_OF, how="left", maintain_order="left")
        .with_columns(pl.col("more").fill_null(""))
    )  # fmt: skip


def _must_tie(lines: pl.DataFrame, cheques: pl.DataFrame, at: LockboxPlaces) -> None:
    """IntakeError where a batch states other sums than its cheques make, or the file another number of records."""
    closes = lines.with_columns(section=(pl.col("kind") == "7").cum_sum().shift(1).fill_null(0))
    cents = pl.col("amount").str.replace(".", "", literal=True).cast(pl.Int64, strict=False)
    made = (
        cheques.join(closes.select("line", "section"), on="line")
        .group_by("section").agg(items=pl.len().cast(pl.Int64), cents=cents.sum())
    )  # fmt: skip
    stated = closes.filter(pl.col("kind") == "7").select(
        "section", "line", stated_items=_number(at.batch_items), stated_cents=_number(at.batch_amount)
    )  # fmt: skip
    both = stated.join(made, on="section", how="left", maintain_order="left").with_columns(
        pl.col("items", "cents").fill_null(0)
    )
    off = both.filter(
        ~((pl.col("items") == pl.col("stated_items")) & (pl.col("cents") == pl.col("stated_cents"))).fill_null(False)
    )  # fmt: skip
    if off.height:
        row = off.row(0, named=True)
        raise IntakeError(
            f"the batch that ends at line {row['line']} states {row['stated_items']} items of {row['stated_cents']}, its "
            f"cheques make {row['items']} of {row['cents']} (minor units); nothing of it is taken: ask for it anew"
        )
    _deposits_must_tie(lines, at)
    ends = lines.filter(pl.col("kind") == "9").select(stated=_number(at.records))["stated"]
    if ends.len() != 1 or (ends[0] is not None and ends[0] != lines.height):
        found = (
            "it has no record 9 at its end"
            if ends.is_empty()
            else f"it states {ends[0]} records and has {lines.height}"
        )
        raise IntakeError(f"{found}; nothing of it is taken: ask for it anew")


def _deposits_must_tie(lines: pl.DataFrame, at: LockboxPlaces) -> None:
    """IntakeError where a deposit states another number of cheques than it has; its sum is its group's total."""
    made = lines.group_by("section").agg(items=(pl.col("kind") == "6").sum().cast(pl.Int64))
    stated = lines.filter(pl.col("kind") == "8").select(
        "section", "line", "group", stated=_number(at.total_items)
    )
    off = stated.join(made, on="section").filter(
        pl.lit(bool(at.total_items)) & ~(pl.col("stated") == pl.col("items")).fill_null(False)
    )
    if off.height:
        row = off.row(0, named=True)
        raise IntakeError(
            f"deposit {row['group']} (line {row['line']}) states {row['stated']} cheques and has {row['items']}; nothing of "
            "it is taken: ask for it anew, or put `total_items` of the mapping right"
        )


def _field(span: str) -> pl.Expr:
    """The text at places `first-last`, counted from 1, without outer blanks; empty: the bank has none."""
    if not span:
        return pl.lit("")
    first, _, last = span.partition("-")
    length = int(last or first) - int(first) + 1
    return pl.col("text").str.slice(int(first) - 1, length).str.strip_chars()


def _number(span: str) -> pl.Expr:
    return _field(span).cast(pl.Int64, strict=False)


def _money(span: str) -> pl.Expr:
    """An amount with two decimals that are not written, as a decimal; what is none is told as it stands."""
    cents = pl.when(_field(span).str.contains("^[0-9]{1,16}$")).then(_number(span))
    return pl.coalesce(decimal_text(cents, pl.lit(2, pl.Int64)), _field(span))
