"""Replay and life: loans from their events alone, by the steps of the one close."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.frames import empty
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.ledger.transfers import Transfers, aggregated
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, accruals, close
from loanbook.core.servicing.loan.book import Book, nobody_held
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.backdating import (
    Close,
    Restatement,
    close_with_news,
)
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from loanbook.core.servicing.replay.holding import to_hold


def replay(
    events: pl.DataFrame, policies: PolicyBook, through: dt.date
) -> Iterator[tuple[Book, DayClose]]:
    """Every day from the first event's to `through`, as if all had been known in time.

    Events take effect on their value date, reversed ones not at all. Yields the book before
    each close and the close. Nothing is read or written.
    """
    lived = relived(events, policies, through)
    if lived is not None:
        yield from closes(lived, through)


def relived(events: pl.DataFrame, policies: PolicyBook, through: dt.date) -> History | None:
    """The loans that `events` board, from their first day to `through`; None without events."""
    events = effective_events(events)
    if events.is_empty():
        return None
    return fast_forward(Book.empty(policies.pins, events), events, policies, through)


def closes(lived: History, through: dt.date) -> Iterator[tuple[Book, DayClose]]:
    """A jump told as closes, one a day: for one loan or a few, to be looked at day by day."""
    first = lived.rounds[0].applied["value_date"].min() if lived.rounds else None
    if not isinstance(first, dt.date):
        return
    wide = lived.stay.wide(first, through).sort("loan_id")
    visits = [each.wide.select("loan_id", "business_date") for each in lived.rounds]
    quiet = wide.join(pl.concat(visits), on=["loan_id", "business_date"], how="anti")
    terms = lived.start.terms.columns
    nights = aggregated(pl.concat([*(each.nights for each in lived.rounds), accruals(quiet)]))
    moved = pl.concat([lived.all("transfers"), nights])
    frames = {
        "terms": _by_day(wide.select(*terms, "business_date"), "business_date"),
        "positions": _by_day(wide.select(*STATE, "business_date"), "business_date"),
        "dues": _by_day(lived.stay.dues(first, through), "business_date"),
        "transfers": _by_day(moved, "value_date"),
        **{name: _by_day(lived.all(name), "business_date") for name in
           ("allocations", "applied", "boarded", "unidentified", "changed", "settled")},
    }  # fmt: skip
    nothing = lived.waiting.clear()
    before, date = lived.start, first
    while date <= through:
        today = {name: found(date) for name, found in frames.items()}
        book = Book(date, today["terms"], today["positions"], today["dues"], nothing)
        yield before, DayClose(
            date, book, today["transfers"], today["allocations"], today["applied"],
            today["boarded"], today["unidentified"], today["changed"], today["settled"],
            lived.rounds[0].policies,
        )  # fmt: skip
        before, date = book, date + dt.timedelta(days=1)


def _by_day(frame: pl.DataFrame, column: str) -> Callable[[dt.date], pl.DataFrame]:
    """A frame's rows of a date, without `business_date`."""
    other = column != "business_date"
    rows = frame.drop("business_date", strict=False) if other else frame
    nothing = rows.clear().drop("business_date", strict=False)
    parts = rows.partition_by(column, as_dict=True, maintain_order=True, include_key=other)
    return lambda date: parts.get((date,), nothing)


class InMemoryHistory:
    """The past of a life held in memory: loans are lived again from their first day."""

    def __init__(self, events: pl.DataFrame, policies: PolicyBook) -> None:
        self._events, self._policies = events, policies
        self._moved: list[pl.DataFrame] = []
        self._ended: list[pl.DataFrame] = []
        self.date: dt.date | None = None

    def keep(self, closed: DayClose, restated: Restatement | None) -> None:
        """Remember a day that was closed, with what it restated."""
        self._moved.append(closed.transfers.filter(pl.col("loan_id") > 0))
        for each in restated.lived.rounds if restated else ():
            self._end(each.wide)
        self._end(dated(closed.book.positions, closed.date))
        self.date = closed.date

    def _end(self, positions: pl.DataFrame) -> None:
        gone = positions.filter(pl.col("status").is_in(ENDED))
        if gone.height:
            self._ended.append(gone.select("loan_id", ended_on="business_date"))

    def events(self, ids: pl.Series) -> pl.DataFrame:
        """See `LedgerHistory`."""
        loan_events = self._events.filter(pl.col("loan_id").is_in(ids.implode()))
        return loan_events.filter(pl.col("booking_date") <= (self.date or dt.date.min))

    def ended(self, ids: pl.Series) -> pl.DataFrame:
        """See `LedgerHistory`."""
        schema = {"loan_id": pl.Int64, "ended_on": pl.Date}
        ended = pl.concat([pl.DataFrame(schema=schema), *self._ended])
        endings = ended.filter(pl.col("loan_id").is_in(ids.implode()))
        return endings.group_by("loan_id", maintain_order=True).agg(pl.col("ended_on").min())

    def book(self, ids: pl.Series, date: dt.date) -> Book:
        """See `LedgerHistory`: a book before its first day."""
        return Book.empty(self._policies.pins, self._events)

    def transfers(self, ids: pl.Series, since: dt.date) -> pl.DataFrame:
        """See `LedgerHistory`."""
        moved = pl.concat([empty(Transfers), *self._moved])
        return moved.filter(
            pl.col("loan_id").is_in(ids.implode()) & (pl.col("value_date") >= since)
        )


def live(
    events: pl.DataFrame,
    policies: PolicyBook,
    through: dt.date,
    close: Close = close,
    held: Callable[[dt.date], pl.DataFrame] = lambda date: nobody_held(),
) -> Iterator[tuple[Book, DayClose, Restatement | None]]:
    """Close every day as it was lived: events come on their booking date, late ones restate.

    `held`: the loans that each day holds (schema `HELD`). Yields the book each close began with, the close, and what it restated.
    """
    if events.is_empty():
        return
    past = InMemoryHistory(events, policies)
    book = Book.empty(policies.pins, events)
    date = events["booking_date"].min()
    by_day = events.partition_by("booking_date", as_dict=True)
    assert isinstance(date, dt.date)
    while date <= through:
        booked = by_day.get((date,), events.clear())
        book = to_hold(book, held(date))
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
