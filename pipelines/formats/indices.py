"""Index files: values of reference rates by date, one a row, for loans whose rate floats.

A value that was wrong comes again with `corrects` = yes: the resets that took it are taken back and
made anew, late. Without it, another value for the same date is a conflict.
"""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.pipelines.formats.table import (
    PERCENTAGE,
    Parsed,
    date_in,
    percent_ppb,
    read_csv,
    split,
)

COLUMNS = ["index", "date", "rate_percent"]


class Fixings(dy.Schema):
    """A value as it may enter: of an index that a product knows, dated not after its file."""

    line = dy.Int64()
    index = dy.String()
    date = dy.Date(nullable=True)
    rate_percent = dy.String()
    corrects = dy.String()
    file_date = dy.Date()
    known = dy.Bool()

    @dy.rule()
    def unknown_index(cls) -> pl.Expr:
        return pl.col("known")

    @dy.rule()
    def date_not_a_date(cls) -> pl.Expr:
        return pl.col("date").is_not_null()

    @dy.rule()
    def value_from_the_future(cls) -> pl.Expr:
        return pl.col("date").is_null() | (pl.col("date") <= pl.col("file_date"))

    @dy.rule()
    def rate_not_a_percentage(cls) -> pl.Expr:
        return pl.col("rate_percent").str.contains(rf"^-?{PERCENTAGE}\s*%?$")

    @dy.rule()
    def corrects_not_yes_or_empty(cls) -> pl.Expr:
        return pl.col("corrects").is_in(["", "yes"])


def parse(data: bytes, file_date: dt.date, indices: list[str]) -> Parsed:
    """Fixings of an index file, with `index_ppb` (Int64). Raises IntakeError if it is none."""
    raw, broken = read_csv(data, COLUMNS)
    if "corrects" not in raw.columns:
        raw = raw.with_columns(corrects=pl.lit(""))
    typed = raw.select(
        "line",
        pl.col("index", "rate_percent", "corrects").str.strip_chars(),
        date=date_in("date"),
        file_date=pl.lit(file_date),
    ).with_columns(known=pl.col("index").is_in(indices))
    good, bad = split(typed, Fixings, "index", lambda: raw.select("line", *COLUMNS, "corrects"))
    rates = good.with_columns(index_ppb=percent_ppb(pl.col("rate_percent")))
    return Parsed(raw.height + len(broken), rates.drop("file_date", "known"), broken + bad)
