"""Loans that are held: a day passes them by, and they stay at their last good positions.

A loan is held while its day would break a law. Its rows stay in the book as they were, without
the flows of a day; what comes for it waits among the events. When it returns, it is lived again
from the day after its last good one, as late news is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Kind
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import HELD, Book
from loanbook.core.servicing.loan.dues import DUE_KEY

_DAILY = ("accrued_today", "paid_today")
"""What a position shows of its day alone."""


def to_hold(book: Book, held: pl.DataFrame) -> Book:
    """The book before a day on which `held` (schema `HELD`) are held: others it holds return."""
    if book.held.is_empty() and held.is_empty():
        return book
    back = book.held.join(held, on="loan_id", how="anti", maintain_order="left")
    return replace(book, held=pl.concat([held, back]), returning=back["loan_id"])


def newly_held(
    book: Book, waiting: pl.DataFrame, broken: pl.DataFrame, date: dt.date
) -> pl.DataFrame:
    """Loans of `broken` (`loan_id`, `law`, `figures`, `remedy`) as held on `date` (schema `HELD`).

    `waiting`: events of the date; a loan that they board has no good date yet. One that the book
    holds already keeps its dates.
    """
    boarded = waiting.filter(pl.col("kind") == Kind.loan_boarded)["loan_id"]
    new = pl.col("loan_id").is_in(boarded.implode())
    before = book.held.select("loan_id", begun="since", good="good_until")
    told = broken.join(before, on="loan_id", how="left", maintain_order="left")
    again = pl.col("begun").is_not_null()
    return told.with_columns(
        since=pl.coalesce("begun", pl.lit(date)),
        good_until=pl.when(again).then("good").when(~new).then(pl.lit(book.date, pl.Date)),
    ).select(HELD.keys())


def stays(book: Book) -> pl.DataFrame:
    """Those that the next close holds (schema `HELD`)."""
    if book.returning.is_empty():
        return book.held
    return book.held.filter(~pl.col("loan_id").is_in(book.returning.implode()))


def apart(book: Book) -> tuple[Book, Book | None]:
    """The book without the loans that stay held, and those alone with the events that wait for them."""
    held = stays(book).sort("loan_id")
    if held.is_empty():
        return book, None
    theirs = pl.col("loan_id").is_in(held["loan_id"].implode())
    rows = book.positions.select(theirs).to_series()
    living = rows & ~book.positions["status"].is_in(ENDED)
    kept = Book(
        book.date, book.terms.filter(living),
        book.positions.filter(living).with_columns(pl.lit(0, pl.Int64).alias(n) for n in _DAILY),
        book.dues.filter(theirs), book.pending.filter(theirs), held=held,
    )  # fmt: skip
    standing = replace(
        book, terms=book.terms.filter(~rows), positions=book.positions.filter(~rows),
        dues=book.dues.filter(~theirs), pending=book.pending.filter(~theirs),
    )  # fmt: skip
    return standing, kept


def rejoined(done: DayClose, kept: Book | None, booked: pl.DataFrame) -> DayClose:
    """The close with the loans that it passed by; of what is `booked` for them, what is valued later
    waits."""
    if kept is None:
        return done
    book = done.book
    wide = pl.concat([book.wide(), kept.wide().select(book.wide().columns)]).sort("loan_id")
    theirs = booked.filter(pl.col("loan_id").is_in(kept.held["loan_id"].implode()))
    later = pl.concat([kept.pending, theirs]).filter(pl.col("value_date") > done.date)
    return replace(
        done,
        book=replace(
            book,
            terms=wide.select(book.terms.columns),
            positions=wide.select(book.positions.columns),
            dues=pl.concat([book.dues, kept.dues]).sort(DUE_KEY),
            pending=pl.concat([book.pending, later]),
            held=kept.held,
        ),
    )
