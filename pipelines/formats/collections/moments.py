"""What files of work on late loans share: their cells as text, and moments with their offset."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.pipelines.formats.columns import REF, FileColumn
from loanbook.pipelines.formats.table import Bad, read_csv, shared

AT = "time with its offset: 2024-03-10T07:30:00-05:00, or with Z"
LOAN = "text: the loan number of its tape"
ABOUT_LOAN = FileColumn("loan_key", "loan that it is about", LOAN)
IS_A_TIME = shared(pl.col("moment").is_not_null())
IS_PAST = shared(
    pl.col("moment").is_null() | (pl.col("said_on") <= pl.col("file_date").cast(pl.String))
)
"""Not after the date of its file, where it is a time."""
NAMES_AN_AGENT = shared(pl.col("agent").str.len_chars().is_between(1, 64))


def own_reference(what: str) -> FileColumn:
    """The column `reference` of a file whose row is this (a contact)."""
    return FileColumn(
        "reference", f"the sender's own reference; the same again is the same {what}", REF
    )


def agent_who(did: str) -> FileColumn:
    """The column `agent` of a file whose agents did this (made it)."""
    return FileColumn("agent", f"who {did}, as a code: no name", "text, 1 to 64 characters")


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

    stated_at_not_a_time = IS_A_TIME
    stated_in_the_future = IS_PAST


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
