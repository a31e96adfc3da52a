"""Replay and life: loans from their events alone, by the same close, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from core.frames import empty
from core.ledger.codes import ENDED
from core.ledger.transfers import Transfers
from core.policy.book import PolicyBook
from core.servicing.book import Book, Dues
from core.servicing.close import DayClose, close
from core.servicing.restatement import Close, Restatement, close_with_news, standing


def replay(
    events: pl.DataFrame, policies: PolicyBook, through: dt.date
) -> Iterator[tuple[Book, DayClose]]:
    """Close every day from the first event's to `through`, as if all had been known in time.

    Events take effect on their value date, reversed ones not at all. Yields the book before
    each close and the close. Nothing is read or written.
    """
    if events.is_empty():
        return
    events = standing(events)
    book = Book.empty(policies.pins, events)
    book = replace(book, closed=book.wide(), closed_dues=empty(Dues))
    date = events["value_date"].min()
    by_day = events.partition_by("value_date", as_dict=True)
    nothing = events.clear()
    assert isinstance(date, dt.date)
    while date <= through:
        closed = close(book, by_day.get((date,), nothing), policies, date)
        yield book, closed
        book, date = closed.book, date + dt.timedelta(days=1)


class Remembered:
    """The past of a life held in memory: loans are lived again from their first day."""

    def __init__(self, events: pl.DataFrame, policies: PolicyBook) -> None:
        self._events, self._policies = events, policies
        self._moved: list[pl.DataFrame] = []
        self._ended: list[pl.DataFrame] = []
        self._book: Book | None = None
        self.date: dt.date | None = None

    def keep(self, closed: DayClose, restated: Restatement | None) -> None:
        """Remember a day that was closed, with what it restated."""
        self._moved.append(closed.transfers.filter(pl.col("loan_id") > 0))
        for _, day in restated.days if restated else ():
            self._end(day)
        self._end(closed)
        self._book, self.date = closed.book, closed.date

    def _end(self, closed: DayClose) -> None:
        gone = closed.book.positions.filter(pl.col("status").is_in(ENDED))
        if gone.height:
            ended = gone.select("loan_id", "interest_earned", ended_on=pl.lit(closed.date))
            self._ended.append(ended)

    def events(self, ids: pl.Series) -> pl.DataFrame:
        """See `Past`."""
        ours = self._events.filter(pl.col("loan_id").is_in(ids.implode()))
        return ours.filter(pl.col("booking_date") <= (self.date or dt.date.min))

    def ended(self, ids: pl.Series) -> pl.DataFrame:
        """See `Past`."""
        schema = {"loan_id": pl.Int64, "interest_earned": pl.Int64, "ended_on": pl.Date}
        ended = pl.concat([pl.DataFrame(schema=schema), *self._ended])
        live = pl.Series("loan_id", [], dtype=pl.Int64)
        if self._book is not None:
            live = self._book.positions.filter(~pl.col("status").is_in(ENDED))["loan_id"]
        earned = pl.when(~pl.col("loan_id").is_in(live.implode())).then("interest_earned")
        return (
            ended.filter(pl.col("loan_id").is_in(ids.implode()))
            .group_by("loan_id", maintain_order=True)
            .agg(pl.col("ended_on").min(), pl.col("interest_earned").last())
            .with_columns(interest_earned=earned)
        )

    def book(self, ids: pl.Series, date: dt.date) -> Book:
        """See `Past`: a book before its first day."""
        return Book.empty(self._policies.pins, self._events)

    def transfers(self, ids: pl.Series, since: dt.date) -> pl.DataFrame:
        """See `Past`."""
        moved = pl.concat([empty(Transfers), *self._moved])
        return moved.filter(
            pl.col("loan_id").is_in(ids.implode()) & (pl.col("value_date") >= since)
        )


def live(
    events: pl.DataFrame, policies: PolicyBook, through: dt.date, close: Close = close
) -> Iterator[tuple[Book, DayClose, Restatement | None]]:
    """Close every day as it was lived: events come on their booking date, late ones restate.

    Yields the book each close began with, the close, and what it restated.
    """
    if events.is_empty():
        return
    past = Remembered(events, policies)
    book = Book.empty(policies.pins, events)
    date = events["booking_date"].min()
    by_day = events.partition_by("booking_date", as_dict=True)
    assert isinstance(date, dt.date)
    while date <= through:
        booked = by_day.get((date,), events.clear())
        before, closed, restated = close_with_news(book, booked, past, policies, date, close)
        past.keep(closed, restated)
        yield before, closed, restated
        book, date = closed.book, date + dt.timedelta(days=1)


def differences(stored: pl.DataFrame, replayed: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Cells in which two frames of the same columns differ: keys, `column`, both values as text."""
    columns = [c for c in replayed.columns if c not in keys]
    left = stored.select(*keys, pl.col(columns).cast(pl.String)).unpivot(
        index=keys, on=columns, variable_name="column", value_name="stored"
    )
    right = replayed.select(*keys, pl.col(columns).cast(pl.String)).unpivot(
        index=keys, on=columns, variable_name="column", value_name="replayed"
    )
    return left.join(right, on=[*keys, "column"], how="full", coalesce=True).filter(
        pl.col("stored").ne_missing(pl.col("replayed"))
    )
