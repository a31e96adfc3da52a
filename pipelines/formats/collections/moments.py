"""What files of work on late loans share: their cells as text, and moments with their offset."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.pipelines.formats.table import Bad, read_csv

AT = "time with its offset: 2024-03-10T07:30:00-05:00, or with Z"
LOAN = "text: the loan number of its tape"
IS_A_TIME = pl.col("moment").is_not_null()
IS_PAST = pl.col("moment").is_null() | (pl.col("said_on") <= pl.col("file_date").cast(pl.String))
"""Not after the date of its file, where it is a time."""
NAMES_AN_AGENT = pl.col("agent").str.len_chars().is_between(1, 64)


class OfAMoment(dy.Schema):
    """What every row on a loan has that is said at a moment (`said_at`)."""

    line = dy.Int64()
    reference = dy.String(min_length=1, max_length=64)
    loan_key = dy.String(min_length=1)
    moment = dy.Datetime(nullable=True)
    said_on = dy.String()
    file_date = dy.Date()


class Stated(OfAMoment):
    """What a borrower stated, at `stated_at`."""

    @dy.rule()
    def stated_at_not_a_time(cls) -> pl.Expr:
        return IS_A_TIME

    @dy.rule()
    def stated_in_the_future(cls) -> pl.Expr:
        return IS_PAST


def texts_of(data: bytes, columns: list[str]) -> tuple[pl.DataFrame, Bad]:
    """Cells of a file without outer spaces, and the lines that are no rows. Raises IntakeError if it is none."""
    raw, broken = read_csv(data, columns)
    return raw.select("line", pl.col(columns).str.strip_chars()), broken


def moment(column: str) -> pl.Expr:
    """The instant (UTC, without its zone) of a time with an offset; null where it is none."""
    text = pl.col(column).str.replace(r"Z$", "+00:00")
    whole = text.str.contains(
        r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}$"
    )
    told = (
        pl.when(whole)
        .then(text)
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", strict=False, time_unit="us", time_zone="UTC")
    )
    return told.dt.replace_time_zone(None).alias("moment")


def said_at(column: str, file_date: dt.date) -> dict[str, pl.Expr]:
    """`moment`, `said_on` (its date as it is written) and `file_date`, as `OfAMoment` has them."""
    return {
        "moment": moment(column), "said_on": pl.col(column).str.head(10), "file_date": pl.lit(file_date)
    }  # fmt: skip
