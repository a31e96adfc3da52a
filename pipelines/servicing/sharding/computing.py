"""One day of a book, or of a part of it: closed lawfully, with the digests of the schedules that it boards."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.setting_apart import Close, Closed, Day, Limit, close_lawfully
from loanbook.core.servicing.loan.book import Book
from loanbook.core.store.writing import digests_of


def closed_with_digests(
    day: Day, limit: Limit, digests: pl.DataFrame | None
) -> tuple[Closed, pl.DataFrame]:
    """The day closed, and digests of at least the schedules that it boards.

    `digests`: those of all that may be boarded; None: the day expands its own, and a loan whose schedule can't be
    expanded is held. Raises LawsBrokenError.
    """
    if digests is None:
        day = replace(day, close=_expanding(day.close))
    done = close_lawfully(day, limit)
    return done, digests_of(done.closed.boarded) if digests is None else digests


def _expanding(close: Close) -> Close:
    """The close, and the schedules of the loans that it boards."""

    def both(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
        done = close(book, events, policies, date)
        digests_of(done.boarded)
        return done

    return both


def live_before(done: Closed) -> int:
    """Loans that the day began with, held ones included."""
    return _live(done.before) + _back(done.before, done.closed) + _kept(done.closed)


def _kept(closed: DayClose) -> int:
    """Loans that are held, of those in the book."""
    held = closed.book.held["loan_id"].implode()
    return int(closed.book.positions["loan_id"].is_in(held).sum())


def _back(book: Book, closed: DayClose) -> int:
    """Ended loans that something brought back today."""
    if book.closed is None:
        return 0
    ids = closed.book.positions["loan_id"]
    return int(ids.is_in(book.closed["loan_id"].implode()).sum())


def _live(book: Book) -> int:
    return int((~book.positions["status"].is_in(ENDED)).sum())
