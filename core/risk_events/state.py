"""Risk state: what of a position the types of events tell, as codes, and which loans are not at rest."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.risk_events.catalogue import RISK_EVENTS
from loanbook.core.servicing.arrears.conventions import stage_of
from loanbook.core.servicing.arrears.days_past_due import days_past_due
from loanbook.core.servicing.loan.book import Book

STATES = tuple(each.column for each in RISK_EVENTS if each.of_positions)
"""States that positions and terms say."""
READ = ("status", "days_past_due", "bucket", "non_accrual", "oldest_due_date")
"""Columns of positions that risk state is made of; with the terms' `flags`."""
_OLDEST, _ON = pl.col("oldest_due_date"), pl.col("business_date")


def states(rows: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `business_date`, `oldest_due_date` and `STATES` (Int32) of positions (`READ`, `flags`, and
    `business_date`)."""
    days = days_past_due(_ON, _OLDEST, pl.lit(0))
    made = {"stage": stage_of(days), "flags": pl.col("flags").fill_null(0)}
    told = ((made.get(name, pl.col(name))).cast(pl.Int32).alias(name) for name in STATES)
    return rows.select("loan_id", "business_date", "oldest_due_date", *told)


def standing(book: Book) -> pl.DataFrame:
    """What `states` reads of a book's loans, without the date."""
    positions = book.positions.select("loan_id", *READ)
    return positions.with_columns(book.terms["flags"])


def at_rest() -> pl.Expr:
    """Of an active loan every state is that of a loan of which nothing was told."""
    return (
        (pl.col("status") == Status.active.value)
        & (pl.col("days_past_due") == 0)
        & (pl.col("bucket") == 0)
        & ~pl.col("non_accrual")
        & (pl.col("flags").fill_null(0) == 0)
    )
