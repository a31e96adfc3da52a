"""Files in a sender's own columns: rows with loanbook's names, and amounts as plain decimals."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from loanbook.core.frames import content_hashes
from loanbook.core.policy.file_mappings import AmountForm, CommandMapping, PaymentMapping
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.pipelines.formats.table import Bad, check_lacking, read_csv

PLAIN = AmountForm()
_NO_NUMBER = "?"
"""Stands for a text that is no amount in the mapping's form: it is refused, never read otherwise."""


def plain(text: pl.Expr, form: AmountForm) -> pl.Expr:
    """An amount or a percentage as a plain decimal, exactly what was written: `$1,200.00` is 1200.00.

    What is not written in the form becomes a text that is no number; an empty text stays empty.
    """
    if form == PLAIN:
        return text
    sign, between, point = (
        re.escape(each) for each in (form.currency_sign, form.thousands, form.decimal)
    )
    whole = rf"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|[0-9]+" if between else r"[0-9]+"
    before, after = (rf"(?:{sign}\s*)?", rf"(?:\s*{sign})?") if sign else ("", "")
    groups = text.str.strip_chars().str.extract_groups(
        rf"^(-?){before}(-?)({whole})(?:{point}([0-9]+))?{after}(\s*%)?$"
    )
    first, second, digits, decimals, percent = (groups.struct.field(str(n)) for n in range(1, 6))
    if form.thousands:
        digits = digits.str.replace_all(form.thousands, "", literal=True)
    fraction = (
        pl.when(decimals.fill_null("") != "").then(pl.lit(".") + decimals).otherwise(pl.lit(""))
    )
    number = pl.concat_str(first, second, digits, fraction, percent.fill_null("").str.strip_chars())
    empty = text.str.strip_chars() == ""
    return pl.when(empty).then(pl.lit("")).otherwise(number.fill_null(_NO_NUMBER))


def row_hashes(rows: pl.DataFrame, columns: Iterable[str]) -> pl.Series:
    """SHA-256 of each row's own text plus the number of its occurrence in the file."""
    told = content_hashes(rows, [*columns]).alias("hash").to_frame()
    seen = pl.int_range(1, pl.len() + 1).over("hash").cast(pl.String)
    return told.select(pl.concat_str(pl.col("hash").str.head(24), seen, separator="-")).to_series()


def canonical(
    data: bytes,
    mapping: PaymentMapping | CommandMapping | CollectionMapping,
    reference: str,
    optional: Iterable[str] = (),
) -> tuple[pl.DataFrame, Bad]:
    """Rows of a file as text without outer spaces: `line`, `reference` and the fields that the
    mapping has, by loanbook's names; and the lines that are no rows.

    A column of an `optional` field may be absent: then the field is empty. Raises IntakeError if the
    file lacks another column.
    """  # fmt: skip
    may_lack = set(optional)
    wanted = [column for field, column in mapping.columns.items() if field not in may_lack]
    named = list(dict.fromkeys([*([mapping.key] if mapping.key else []), *wanted]))
    raw, broken = read_csv(data, named)
    lacking = [name for name in mapping.columns.values() if name not in raw.columns]
    check_lacking(raw.columns, lacking, [*named, *mapping.columns.values()])
    columns = {
        field: pl.col(column) if column in raw.columns else pl.lit("")
        for field, column in mapping.columns.items()
    }
    constants = {field: pl.lit(value) for field, value in mapping.constants.items()}
    absent = {field: pl.lit("") for field in may_lack if field not in {*columns, *constants}}
    ref = (
        raw[mapping.key]
        if mapping.key
        else row_hashes(raw, [name for name in raw.columns if name != "line"])
    )
    rows = raw.select(
        "line",
        **{
            field: each.str.strip_chars()
            for field, each in {**columns, **constants, **absent}.items()
        },
    )
    return rows.insert_column(1, ref.str.strip_chars().alias(reference)), broken
