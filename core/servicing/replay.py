"""Replay: some loans from their own events alone, by the same close, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from core.policy.book import PolicyBook
from core.servicing.book import Book
from core.servicing.close import DayClose, close


def replay(
    events: pl.DataFrame, policies: PolicyBook, through: dt.date
) -> Iterator[tuple[Book, DayClose]]:
    """Close every day from the first event's to `through`, over these events alone.

    Yields the book before each close and the close. Nothing is read or written.
    """
    if events.is_empty():
        return
    book = Book.empty(policies.pins, events)
    date = events["booking_date"].min()
    by_day = events.partition_by("booking_date", as_dict=True)
    nothing = events.clear()
    assert isinstance(date, dt.date)
    while date <= through:
        closed = close(book, by_day.get((date,), nothing), policies, date)
        yield book, closed
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
