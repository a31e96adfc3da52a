"""The close: one pure pass that takes the whole portfolio through a business date.

The daily run, catch-up, backfill, replay and what-if all call `close`. It follows the order
of a day: accrue, bill, disburse, use credit, money in, late fees, charge off, close at zero,
count days past due.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from core.errors import EngineError
from core.frames import empty
from core.ledger.codes import ENDED, MONEY_IN, Kind, Status
from core.ledger.events import REPLAY_ORDER
from core.ledger.transfers import Transfers, aggregated, all_of, transfer
from core.origination.boarding import terms_of
from core.origination.terms import Terms
from core.policy.book import PolicyBook
from core.servicing.accrual import accrue, engine_for
from core.servicing.allocation import Allocations
from core.servicing.billing import bill, is_billed
from core.servicing.book import STATE, Book, Dues, replaced
from core.servicing.closure import claim, close_at_zero
from core.servicing.delinquency import age
from core.servicing.fees import assess_late_fees
from core.servicing.opening import agreed_terms, opened
from core.servicing.running import Running
from core.servicing.turns import ENDINGS, credit_meets_dues, in_order, take


@dataclass(frozen=True)
class DayClose:
    """What a close decided: the book after it, and the movements that led there."""

    date: dt.date
    book: Book
    transfers: pl.DataFrame
    allocations: pl.DataFrame
    applied: pl.DataFrame
    """Events that took effect on the date."""
    boarded: pl.DataFrame
    """Terms of loans that entered the book."""
    unidentified: pl.DataFrame
    """Payments for loans that are no longer in the book: `loan_id`, `event_id`, `amount`."""
    changed: pl.DataFrame
    """Terms (schema `Terms`) of loans whose contract an event changed, with its `event_id`."""
    settled: pl.DataFrame
    """Dues that left the book, paid or given up (below zero: rows of a reopened loan that came
    back). With the standing ones they make the instalment grid."""


def close(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    """Close one business date.

    `events` are those booked on the date (schema `Events`); those with a later value date
    wait in the book. News that came late restates the book first
    (`core.servicing.restatement.close_with_news`) and is none of them. Raises EngineError if the date does not follow the book's.
    """
    if book.date is not None and date != book.date + dt.timedelta(days=1):
        raise EngineError(f"the book stands at {book.date}: close {book.date + ONE_DAY} next")
    waiting = pl.concat([book.pending, events])
    today = waiting.filter(pl.col("value_date") == date).sort(REPLAY_ORDER)
    pending = waiting.filter(pl.col("value_date") > date)
    return _day(_without_closed(book), today, pending, policies, date)


ONE_DAY = dt.timedelta(days=1)


def _without_closed(book: Book) -> Book:
    """A loan leaves the book the day after it became closed."""
    live = ~book.positions["status"].is_in(ENDED)
    if live.all():
        return book
    return Book(
        book.date, book.terms.filter(live), book.positions.filter(live), book.dues, book.pending,
        book.closed, book.closed_dues,
    )  # fmt: skip


def _day(
    book: Book, today: pl.DataFrame, pending: pl.DataFrame, policies: PolicyBook, date: dt.date
) -> DayClose:
    boarded = _board(book, today, policies)
    book, returned = _reopened(book, today)
    wide = accrue(book.wide(), date)
    if boarded.height:
        wide = pl.concat([wide, opened(boarded, policies.calendars)])
        wide = wide if wide["loan_id"].is_sorted() else wide.sort("loan_id")
    at = _touched(wide, book.dues, today, date)
    if today.is_empty() and not at.any():
        return _quiet(book, wide, today, pending, boarded, date)
    before = wide.filter(at)
    day = Running(date, policies, before, book.dues)

    day.touched, day.dues, billed = bill(day.touched, day.dues, date, policies.calendars)
    on_books = ~pl.col("loan_id").is_in(day.charged_off().implode())
    day.book(billed.filter(on_books), "interest_due", "interest_accrued", "billed_interest")
    credit_meets_dues(day)
    events = in_order(today, day.touched)
    ending = pl.col("kind").is_in([k.value for k in ENDINGS]) & ~pl.col("in_sequence")
    take(day, events.filter(~ending))
    unidentified = _unidentified(day, today)

    day.touched, day.dues, fees = assess_late_fees(day.touched, day.dues, policies.late_fees, date)
    day.book(fees, "penalties_receivable", "penalty_income", "fee")
    take(day, events.filter(ending))

    off = pl.col("loan_id").is_in(day.charged_off().implode())
    day.touched, earned = close_at_zero(day.touched)
    day.book(earned.filter(~off), "interest_accrued", "interest_income", "earned_at_payoff")
    day.book(earned.filter(off), "memo_claim", "memo_contra", "earned_at_payoff")
    buckets = policies.buckets("default", date)
    touched = age(day.touched, day.dues, policies.delinquency, buckets, date)
    touched = touched.with_columns(
        off_books=pl.when(pl.col("status") == Status.charged_off).then(claim()).otherwise(0)
    )
    dues, settled = _standing(day.dues, touched, date)

    day.moved.append(_accruals(wide, date))
    after = replaced(wide, at, before, touched)
    left = _left_today(touched, settled, date, book)
    book = Book(date, after.select(book.terms.columns), after.select(STATE), dues, pending, *left)
    return DayClose(
        date,
        book,
        all_of(day.moved),
        pl.concat([empty(Allocations), *day.allocations]),
        today,
        boarded,
        unidentified,
        _changed(after, day),
        pl.concat([settled, returned]),
    )


def _quiet(
    book: Book,
    wide: pl.DataFrame,
    today: pl.DataFrame,
    pending: pl.DataFrame,
    boarded: pl.DataFrame,
    date: dt.date,
) -> DayClose:
    """A day on which nothing happens to any loan but interest."""
    after = Book(
        date, wide.select(book.terms.columns), wide.select(STATE), book.dues, pending,
        book.closed, book.closed_dues,
    )  # fmt: skip
    nobody = empty(Allocations).select("loan_id", "event_id", "amount")
    moved = all_of([_accruals(wide, date)]) if wide.height else all_of([])
    return DayClose(
        date, after, moved, empty(Allocations), today, boarded, nobody, NO_CHANGE, empty(Dues)
    )  # fmt: skip


NO_CHANGE = empty(Terms).with_columns(event_id=pl.lit(0, dtype=pl.Int64))


def _changed(after: pl.DataFrame, day: Running) -> pl.DataFrame:
    if not day.changed:
        return NO_CHANGE
    last = pl.concat(day.changed).group_by("loan_id").agg(pl.col("event_id").max())
    return after.join(last, on="loan_id").select(NO_CHANGE.columns)


def _board(book: Book, today: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    told = today.filter(pl.col("kind") == Kind.loan_boarded)
    if told.is_empty():
        return book.terms.clear()
    return agreed_terms(terms_of(told), policies.pins)


def _touched(
    wide: pl.DataFrame, dues: pl.DataFrame, today: pl.DataFrame, date: dt.date
) -> pl.Series:
    """Rows on which more happens today than interest: billing, events, open dues, credit."""
    busy = pl.concat([dues["loan_id"], today["loan_id"]]).unique()
    return wide.select(
        is_billed(date)
        | pl.col("loan_id").is_in(busy.implode())
        | (pl.col("credit") > 0)
        | (pl.col("status") != Status.active.value)
    ).to_series()


def _unidentified(day: Running, today: pl.DataFrame) -> pl.DataFrame:
    """Receipts for loans that the book does not know: held, not lost."""
    money = today.filter(pl.col("kind").is_in([k.value for k in MONEY_IN]))
    live = money["loan_id"].is_in(day.touched["loan_id"].implode())
    unknown = money.filter(~live).select("loan_id", "event_id", "amount")
    if unknown.height:
        placed = unknown.with_columns(
            entity=pl.lit(0, dtype=pl.Int16),
            product=pl.lit(0, dtype=pl.Int16),
            currency=pl.lit(day.policies.pins["currency"][0], dtype=pl.Int8),
        )
        held = transfer(placed, "payment_clearing", "unidentified_receipts", "amount", day.date)
        day.moved.append(held)
    return unknown


def _accruals(wide: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """The day's interest, aggregated: each loan's share stands in its position.

    Interest on a claim that is off the books is memorandum too.
    """
    keys = ["entity", "product", "currency"]
    parts = [(wide, "interest_accrued", "interest_income")]
    off = wide["status"] == Status.charged_off.value
    if off.any():
        parts = [(wide.filter(~off), "interest_accrued", "interest_income"),
                 (wide.filter(off), "memo_claim", "memo_contra")]  # fmt: skip
    earned = []
    for some, debit, credit in parts:
        sums = (
            some.lazy()
            .group_by(keys)
            .agg(earned=pl.col("accrued_today").sum())
            .collect(engine=engine_for(some))
            .with_columns(loan_id=pl.lit(0, dtype=pl.Int64))
        )
        earned.append(aggregated(transfer(sums, debit, credit, "earned", date)))
    return pl.concat(earned)


def _standing(
    dues: pl.DataFrame, touched: pl.DataFrame, date: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open dues and those still to come; and the rows that are settled, or of ended loans."""
    ended = touched.filter(pl.col("status").is_in(ENDED))["loan_id"]
    stays = dues.select(
        ((pl.col("amount") > pl.col("paid")) | (pl.col("due_date") > date))
        & ~pl.col("loan_id").is_in(ended.implode())
    ).to_series()
    kept = dues.filter(stays).sort("loan_id", "instalment_no", "component")
    return kept, dues.filter(~stays)


def _left_today(
    touched: pl.DataFrame, settled: pl.DataFrame, date: dt.date, book: Book
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Loans that ended, kept aside where the book keeps them, with the dues that were to come."""
    if book.closed is None or book.closed_dues is None:
        return None, None
    gone = touched.filter(pl.col("status").is_in(ENDED))
    if gone.is_empty():
        return book.closed, book.closed_dues
    to_come = settled.filter(pl.col("due_date") > date).join(
        gone.select("loan_id"), on="loan_id", how="semi"
    )
    return (
        pl.concat([book.closed, gone.select(book.closed.columns)]),
        pl.concat([book.closed_dues, to_come]),
    )


def _reopened(book: Book, today: pl.DataFrame) -> tuple[Book, pl.DataFrame]:
    """The book with ended loans back in it that something happens to today.

    What happened outside is always taken in. Also returns the dues that stand again, with
    amounts below zero: they are no longer settled.
    """
    nothing = empty(Dues)
    if book.closed is None or book.closed_dues is None or book.closed.is_empty():
        return book, nothing
    busy = today.filter(pl.col("kind").is_in([k.value for k in REOPENING]))["loan_id"]
    back = book.closed.filter(
        pl.col("loan_id").is_in(busy.implode()) & (pl.col("status") == Status.closed.value)
    )
    if back.is_empty():
        return book, nothing
    back = back.with_columns(status=pl.lit(Status.active.value, dtype=pl.Int8))
    ids = back.select("loan_id")
    dues = book.closed_dues.join(ids, on="loan_id", how="semi")
    wide = pl.concat([book.wide().select(back.columns), back]).sort("loan_id")
    again = Book(
        book.date,
        wide.select(book.terms.columns),
        wide.select(STATE),
        pl.concat([book.dues, dues]),
        book.pending,
        book.closed.join(ids, on="loan_id", how="anti"),
        book.closed_dues.join(ids, on="loan_id", how="anti"),
    )
    return again, dues.with_columns(-pl.col("amount"), -pl.col("paid"))


REOPENING = (*MONEY_IN, Kind.chargeback, Kind.credit_refunded, Kind.charge_assessed)
"""Kinds of event that bring an ended loan back into the book."""
__all__ = ["Allocations", "DayClose", "Transfers", "close"]
