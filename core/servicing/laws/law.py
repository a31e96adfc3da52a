"""A law's verdict, and what a day did to loans, as every law reads it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.fast_forward import Visit
from loanbook.core.servicing.schedule.moved_due_dates import billed_early


@dataclass(frozen=True)
class Law:
    """One law's verdict, with the figures it saw."""

    name: str
    holds: bool
    broken: int
    """Rows (loans, payments or accounts) that break it."""
    figures: str
    example: str = ""


@dataclass(frozen=True)
class Moved:
    """What a day, or each loan's own day of a round, did to loans."""

    before: pl.DataFrame
    """Positions the evening before."""
    after: pl.DataFrame
    dues: pl.DataFrame
    """With `business_date`, the date of the loan."""
    applied: pl.DataFrame
    allocations: pl.DataFrame
    unidentified: pl.DataFrame
    transfers: pl.DataFrame
    """Those of the day itself: no differences of a restatement."""
    lines: pl.Series
    """Ids of lines of credit, whose dues are owed from their statement on."""
    ahead: pl.Series
    """Ids of loans whose instalments may be owed before they fall due."""

    @classmethod
    def by_close(cls, before: Book, closed: DayClose) -> Moved:
        """What a close did."""
        return cls(
            before.positions, closed.book.positions, dated(closed.book.dues, closed.date),
            closed.applied, closed.allocations, closed.unidentified,
            closed.transfers.filter(pl.col("value_date") == closed.date),
            _lines(closed.book.terms), _ahead(closed.book.terms),
        )  # fmt: skip

    @classmethod
    def by_round(cls, each: Visit) -> Moved:
        """What a round of a jump did."""
        after = each.wide.select(STATE)
        return cls(
            each.before, after, each.dues, each.applied, each.allocations, each.unidentified,
            each.transfers, _lines(each.wide), _ahead(each.wide),
        )  # fmt: skip


def _lines(terms: pl.DataFrame) -> pl.Series:
    return terms.filter("revolving")["loan_id"]


def _ahead(terms: pl.DataFrame) -> pl.Series:
    return terms.filter(billed_early())["loan_id"]


def verdict(name: str, broken: pl.DataFrame, figures: str) -> Law:
    """A law that holds if no row is `broken`, with the first of those that are as its example."""
    example = str(broken.head(1).to_dicts()[0]) if broken.height else ""
    return Law(name, broken.is_empty(), broken.height, figures, example)
