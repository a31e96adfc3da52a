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
from core.ledger.accounts import ROLE
from core.ledger.codes import Component, EventState, Kind, Status, Timing
from core.ledger.events import REPLAY_ORDER
from core.ledger.transfers import Transfers, aggregated, all_of, transfer
from core.origination.boarding import terms_of
from core.policy.book import PolicyBook
from core.servicing.accrual import accrue
from core.servicing.allocation import Allocations, allocate, use_credit
from core.servicing.billing import bill, is_billed
from core.servicing.book import STATE, Book, replaced
from core.servicing.closure import charge_off, claim, close_at_zero
from core.servicing.delinquency import age
from core.servicing.fees import assess_late_fees
from core.servicing.opening import agreed_terms, opened


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


def close(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    """Close one business date.

    `events` are those booked on the date (schema `Events`); those with a later value date
    wait in the book, those with an earlier one are pending restatement and change nothing.
    Raises EngineError if the date does not follow the book's.
    """
    if book.date is not None and date != book.date + dt.timedelta(days=1):
        raise EngineError(f"the book stands at {book.date}: close {book.date + ONE_DAY} next")
    waiting = pl.concat([book.pending, events.filter(pl.col("state") == EventState.accepted)])
    today = waiting.filter(pl.col("value_date") == date).sort(REPLAY_ORDER)
    pending = waiting.filter(pl.col("value_date") > date)
    return _day(_without_closed(book), today, pending, policies, date)


ONE_DAY = dt.timedelta(days=1)


def _without_closed(book: Book) -> Book:
    """A loan leaves the book the day after it became closed."""
    live = book.positions["status"] != Status.closed.value
    if live.all():
        return book
    return Book(
        book.date, book.terms.filter(live), book.positions.filter(live), book.dues, book.pending
    )


def _day(
    book: Book, today: pl.DataFrame, pending: pl.DataFrame, policies: PolicyBook, date: dt.date
) -> DayClose:
    boarded = _board(today, policies)
    wide = accrue(book.wide(), date)
    if boarded.height:
        wide = pl.concat([wide, opened(boarded, policies.calendars)])
        wide = wide if wide["loan_id"].is_sorted() else wide.sort("loan_id")
    at = _touched(wide, book.dues, today, date)
    if today.is_empty() and not at.any():
        return _quiet(book, wide, today, pending, boarded, date)
    before = touched = wide.filter(at)
    moved: list[pl.DataFrame] = []

    touched, dues, billed = bill(touched, book.dues, date, policies.calendars)
    who = touched.select("loan_id", "entity", "product", "currency")

    def named(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.is_empty():
            return frame
        return frame.join(who, on="loan_id", how="left", maintain_order="left")

    moved.append(
        transfer(named(billed), "interest_due", "interest_accrued", "billed_interest", date)
    )

    touched, paid_out = _disburse(touched, today)
    moved.append(transfer(named(paid_out), "loan_principal", "payout_clearing", "amount", date))

    ranks = policies.waterfall_ranks
    credited = use_credit(touched, dues, ranks, date)
    touched, dues = credited.touched, credited.dues
    frozen = before.filter(pl.col("status") == Status.charged_off).select("loan_id")
    moved += _receipts(named(credited.allocations), frozen, "borrower_credit", date)

    payments, unidentified = _payments(today, touched)
    done = allocate(touched, dues, payments, ranks, date)
    touched, dues = done.touched, done.dues
    moved += _receipts(named(done.allocations), frozen, "payment_clearing", date)
    moved.append(_unidentified(unidentified, policies, date))

    touched, dues, fees = assess_late_fees(touched, dues, policies.late_fees, date)
    moved.append(transfer(named(fees), "penalties_receivable", "penalty_income", "fee", date))

    commands = today.filter(pl.col("kind") == Kind.charge_off).select("loan_id", "event_id")
    touched, gone = charge_off(touched, commands)
    moved += _charged_off(gone, date)

    touched, earned = close_at_zero(touched)
    moved.append(
        transfer(named(earned), "interest_accrued", "interest_income", "earned_at_payoff", date)
    )
    touched = age(touched, dues, policies.delinquency, policies.buckets("default", date), date)
    touched = touched.with_columns(
        off_books=pl.when(pl.col("status") == Status.charged_off).then(claim()).otherwise(0)
    )
    dues = _standing(dues, touched, date)

    moved.append(_accruals(wide, date))
    after = replaced(wide, at, before, touched)
    terms = after.select(book.terms.columns)
    book = Book(date, terms, after.select(STATE), dues, pending)
    allocations = pl.concat([credited.allocations, done.allocations])
    return DayClose(date, book, all_of(moved), allocations, today, boarded, unidentified)


def _quiet(
    book: Book,
    wide: pl.DataFrame,
    today: pl.DataFrame,
    pending: pl.DataFrame,
    boarded: pl.DataFrame,
    date: dt.date,
) -> DayClose:
    """A day on which nothing happens to any loan but interest."""
    after = Book(date, wide.select(book.terms.columns), wide.select(STATE), book.dues, pending)
    nobody = empty(Allocations).select("loan_id", "event_id", "amount")
    moved = all_of([_accruals(wide, date)]) if wide.height else all_of([])
    return DayClose(date, after, moved, empty(Allocations), today, boarded, nobody)


def _board(today: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    return agreed_terms(terms_of(today.filter(pl.col("kind") == Kind.loan_boarded)), policies.pins)


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


def _disburse(touched: pl.DataFrame, today: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pay out; `principal` grows from the night of the date on."""
    out = today.filter(pl.col("kind") == Kind.disbursed).select("loan_id", "event_id", "amount")
    if out.is_empty():
        return touched, out
    sums = out.group_by("loan_id").agg(paid_out=pl.col("amount").sum())
    grown = (
        touched.join(sums, on="loan_id", how="left", maintain_order="left")
        .with_columns(principal=pl.col("principal") + pl.col("paid_out").fill_null(0))
        .select(touched.columns)
    )
    return grown, out


def _payments(today: pl.DataFrame, touched: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The day's payments in order of replay with their `turn`, and those without a live loan."""
    money = today.filter(pl.col("kind") == Kind.payment_received).select(
        "loan_id", "event_id", "amount"
    )
    live = money["loan_id"].is_in(touched["loan_id"].implode())
    known = money.filter(live)
    turn = pl.lit(0, dtype=pl.Int64)
    if known["loan_id"].n_unique() < known.height:
        turn = pl.int_range(pl.len(), dtype=pl.Int64).over("loan_id")
    return known.with_columns(turn=turn), money.filter(~live)


_RECEIVABLE = {
    Component.principal.value: ROLE["loan_principal"],
    Component.interest.value: ROLE["interest_due"],
    Component.fee.value: ROLE["fees_receivable"],
    Component.penalty.value: ROLE["penalties_receivable"],
    Component.tax.value: ROLE["tax_receivable"],
}
"""Account that a payment credits for a component; none is the borrower's credit."""


def _receipts(
    allocations: pl.DataFrame, charged_off: pl.DataFrame, source: str, date: dt.date
) -> list[pl.DataFrame]:
    """Money against components; of a charged-off claim it is a recovery, memorandum mirrored."""
    if allocations.is_empty():
        return []
    off_books = allocations["loan_id"].is_in(charged_off["loan_id"].implode())
    recovered = off_books & allocations["component"].is_not_null()
    claims = allocations.filter(recovered)
    role = (
        pl.when(
            (pl.col("component") == Component.interest) & (pl.col("timing") == Timing.in_advance)
        )
        .then(ROLE["interest_accrued"])
        .otherwise(
            pl.col("component").replace_strict(
                _RECEIVABLE, default=ROLE["borrower_credit"], return_dtype=pl.Int64
            )
        )
    )
    return [
        transfer(allocations.filter(~recovered), source, role, "amount", date),
        transfer(claims, source, "recovery_income", "amount", date),
        transfer(claims, "memo_contra", "memo_claim", "amount", date),
    ]


def _unidentified(payments: pl.DataFrame, policies: PolicyBook, date: dt.date) -> pl.DataFrame:
    """A receipt for a loan that has left the book is held, not lost."""
    if payments.is_empty():
        return empty(Transfers)
    placed = payments.with_columns(
        entity=pl.lit(0, dtype=pl.Int16),
        product=pl.lit(0, dtype=pl.Int16),
        currency=pl.lit(policies.pins["currency"][0], dtype=pl.Int8),
    )
    return transfer(placed, "payment_clearing", "unidentified_receipts", "amount", date)


def _charged_off(gone: pl.DataFrame, date: dt.date) -> list[pl.DataFrame]:
    if gone.is_empty():
        return []
    whole = gone.with_columns(claim=claim())
    return [
        transfer(whole, "credit_loss", "loan_principal", "principal", date),
        transfer(whole, "interest_charged_off", "interest_due", "interest_due", date),
        transfer(whole, "interest_charged_off", "interest_accrued", "interest_accrued", date),
        transfer(whole, "fee_charged_off", "fees_receivable", "fees_due", date),
        transfer(whole, "fee_charged_off", "penalties_receivable", "penalties_due", date),
        transfer(whole, "memo_claim", "memo_contra", "claim", date),
    ]


def _accruals(wide: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """The day's interest, aggregated: each loan's share stands in its position."""
    keys = ["entity", "product", "currency"]
    sums = (
        wide.lazy()
        .group_by(keys)
        .agg(earned=pl.col("accrued_today").sum())
        .collect(engine="streaming")
        .with_columns(loan_id=pl.lit(0, dtype=pl.Int64))
    )
    return aggregated(transfer(sums, "interest_accrued", "interest_income", "earned", date))


def _standing(dues: pl.DataFrame, touched: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """Open dues, and paid ones whose due date is still to come; none of closed loans."""
    ended = touched.filter(
        pl.col("status").is_in([Status.closed.value, Status.overpaid.value])
    ).select("loan_id")
    open_ = (pl.col("amount") > pl.col("paid")) | (pl.col("due_date") > date)
    return (
        dues.filter(open_)
        .join(ended, on="loan_id", how="anti")
        .sort("loan_id", "instalment_no", "component")
    )


__all__ = ["Allocations", "DayClose", "Transfers", "close"]
