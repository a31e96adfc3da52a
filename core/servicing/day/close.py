"""The close: one pure pass that takes the whole portfolio through a business date.

The daily run, catch-up and backfill call `close`: interest of the night for every loan, then
the steps of a day (`loanbook.core.servicing.day.steps`) for those that something happens to. Replay, restatement,
quotes and what-if go through the same steps loan by loan (`loanbook.core.servicing.replay.fast_forward`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Kind, Status
from loanbook.core.contract.boarding import terms_of
from loanbook.core.contract.terms import Terms
from loanbook.core.errors import EngineError
from loanbook.core.frames import LARGE, empty, engine_for, within_pool
from loanbook.core.ledger.events import REPLAY_ORDER
from loanbook.core.ledger.transfers import Transfers, aggregated, all_of, transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.charges.annual_fees import is_anniversary
from loanbook.core.servicing.day.night import pass_night
from loanbook.core.servicing.day.steps import run_day
from loanbook.core.servicing.endings.reopening import left_behind, reopened
from loanbook.core.servicing.income.deferred_income import any_deferred, income, nightly
from loanbook.core.servicing.loan.book import Book, replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE, dated
from loanbook.core.servicing.loan.claim import (
    AccountingBasis,
    accounting_basis,
    any_off_accrual,
    charged_off,
)
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.opening import agreed_terms, opened
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.payments.allocations import Allocations
from loanbook.core.servicing.schedule.billing import is_billed
from loanbook.core.servicing.schedule.statements import payment_due


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
    policies: PolicyBook | None = None
    """By which something happened to its loans; None: to none of them but interest."""

    def beside(self, transfers: pl.DataFrame) -> DayClose:
        """The close with transfers that are of no loan: money that moved at banks."""
        if transfers.is_empty():
            return self
        return replace(self, transfers=pl.concat([self.transfers, transfers]))


def close(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    """Close one business date.

    `events` are those booked on the date (schema `Events`); those with a later value date
    wait in the book. News that came late restates the book first
    (`loanbook.core.servicing.replay.backdating.close_with_news`) and is none of them. Raises EngineError if the date does not follow the book's.
    """
    if book.date is not None and date != book.date + dt.timedelta(days=1):
        raise EngineError(f"the book stands at {book.date}: close {book.date + ONE_DAY} next")
    return within_pool(lambda: _closed(book, events, policies, date), book.loans + events.height)


def _closed(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    waiting = pl.concat([book.pending, events])
    todays = waiting.filter(pl.col("value_date") == date).sort(REPLAY_ORDER)
    pending = waiting.filter(pl.col("value_date") > date)
    return _day(_without_closed(book), todays, pending, policies, date)


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
    book: Book, todays: pl.DataFrame, pending: pl.DataFrame, policies: PolicyBook, date: dt.date
) -> DayClose:
    boarded = boarded_by(todays, policies) if todays.height else book.terms.clear()
    book, returned = _reopened(book, todays, policies)
    wide = pass_night(dated(book.wide(), date))
    if boarded.height:
        wide = pl.concat([wide, dated(opened(boarded, policies.calendars), date)])
        wide = wide if wide["loan_id"].is_sorted() else wide.sort("loan_id")
    mask = _busy(wide, book.dues.filter(pl.col("due_date") <= date), todays, policies)
    if todays.is_empty() and not mask.any():
        return _quiet(book, wide, todays, pending, boarded, date)
    before = wide[mask.arg_true()]  # few of many rows: faster than a filter
    versions = policies.buckets_since("default", date)
    # dues of loans that nothing happens to are not carried through the steps of the day
    mine = book.dues["loan_id"].is_in(before["loan_id"].implode())
    few = not mine.all()
    day_dues = book.dues.filter(mine) if few else book.dues
    # the few of many loans that something happens to
    work = partial(run_day, before, dated(day_dues, date), todays, policies, versions)
    done = within_pool(work, before.height) if wide.height >= LARGE else work()
    dues = done.dues.drop("business_date")
    if few:
        dues = book.dues.filter(~mine).merge_sorted(dues, key="loan_id")
    after = replaced(wide, mask, before, done.wide)
    settled = done.settled.drop("business_date")
    left = _left_today(done.wide, settled, date, book)
    standing = Book(
        date, after.select(book.terms.columns), after.select(STATE), dues, pending,
        *left,
    )  # fmt: skip
    return DayClose(
        date,
        standing,
        pl.concat([done.transfers, accruals(wide)]),
        done.allocations,
        todays,
        boarded,
        done.unidentified,
        with_event(after, done.changed),
        pl.concat([settled, returned]),
        policies,
    )


def _quiet(
    book: Book,
    wide: pl.DataFrame,
    todays: pl.DataFrame,
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
    moved = all_of([accruals(wide)]) if wide.height else all_of([])
    return DayClose(
        date, after, moved, empty(Allocations), todays, boarded, nobody, NO_CHANGE, empty(Dues)
    )  # fmt: skip


NO_CHANGE = empty(Terms).with_columns(event_id=pl.lit(0, dtype=pl.Int64))


def with_event(wide: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Terms (schema `Terms`) of `changed` loans, with the `event_id` that changed them last."""
    if changed.is_empty():
        return NO_CHANGE
    return wide.join(changed, on="loan_id").select(NO_CHANGE.columns)


def boarded_by(todays: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """Terms of the loans that the events board, with what is pinned and agreed."""
    boardings = todays.filter(pl.col("kind") == Kind.loan_boarded)
    return agreed_terms(terms_of(boardings), policies.pins)


def _busy(
    wide: pl.DataFrame, dues: pl.DataFrame, todays: pl.DataFrame, policies: PolicyBook
) -> pl.Series:
    """Rows on which more happens today than interest: billing, events, fallen dues, credit."""
    busy = [dues["loan_id"], todays["loan_id"]]
    if policies.annual_fees.height:
        charged = pl.col("product").is_in(policies.annual_fees["product"].unique().implode())
        of_them = wide.select("loan_id", "disbursed_on", BUSINESS_DATE, charged=charged)
        if of_them["charged"].any():
            busy.append(of_them.filter("charged").filter(is_anniversary())["loan_id"])
    return wide.select(
        is_billed()
        | pl.col("loan_id").is_in(pl.concat(busy).unique().implode())
        | (pl.col("credit") > 0)
        | (pl.col("status") != Status.active.value)
        | pl.col("non_accrual")
        | (payment_due() == BUSINESS_DATE if wide["revolving"].any() else pl.lit(False))
    ).to_series()


def accruals(wide: pl.DataFrame) -> pl.DataFrame:
    """The day's interest and deferred income, aggregated: positions tell each loan's share.

    Interest on a claim that is off the books is memorandum too; that of loans in non-accrual or
    under cash accounting goes by their accounting_basis.
    """
    keys = ["entity", "product", "currency", "business_date"]
    night = wide.select(*keys, "accrued_today")
    off = wide.select(charged_off()).to_series()
    parts = [(night, "interest_accrued", "interest_income")]
    if off.any() or any_off_accrual(wide):
        kind = wide.select(accounting_basis()).to_series()
        kept = ~off & (kind == AccountingBasis.accrual.value)
        suspended = ~off & (kind == AccountingBasis.suspense.value)
        parts = [(night.filter(kept), "interest_accrued", "interest_income"),
                 (night.filter(suspended), "interest_accrued", "interest_suspense"),
                 (night.filter(~off & ~kept & ~suspended), "memo_interest", "memo_contra"),
                 (night.filter(off), "memo_claim", "memo_contra")]  # fmt: skip
    earned = []
    for loans, debit, credit in parts:
        sums = (
            loans.lazy()
            .group_by(keys)
            .agg(earned=pl.col("accrued_today").sum())
            .collect(engine=engine_for(loans))
            .with_columns(loan_id=pl.lit(0, dtype=pl.Int64))
        )
        earned.append(aggregated(transfer(sums, debit, credit, "earned")))
    if any_deferred(wide):
        taken = nightly(wide).filter(pl.col("taken") != 0)
        earned.append(aggregated(transfer(taken, "deferred_fee_income", income(), "taken")))
    return pl.concat(earned)


def _left_today(
    loans: pl.DataFrame, settled: pl.DataFrame, date: dt.date, book: Book
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Loans that ended, kept aside where the book keeps them, with the dues that were to come."""
    if book.closed is None or book.closed_dues is None:
        return None, None
    gone = loans.filter(pl.col("status").is_in(ENDED))
    if gone.is_empty():
        return book.closed, book.closed_dues
    to_come = left_behind(dated(settled, date), gone).drop("business_date")
    return (
        pl.concat([book.closed, gone.select(book.closed.columns)]),
        pl.concat([book.closed_dues, to_come]),
    )


def _reopened(book: Book, todays: pl.DataFrame, policies: PolicyBook) -> tuple[Book, pl.DataFrame]:
    """The book with ended loans back in it that something happens to today.

    Also returns the dues that stand again, with amounts below zero: they are no longer settled.
    """
    nothing = empty(Dues)
    if book.closed is None or book.closed_dues is None or book.closed.is_empty():
        return book, nothing
    found = reopened(book.closed, book.closed_dues, todays, policies.calendars)
    if found.back.is_empty():
        return book, nothing
    wide = pl.concat([book.wide().select(found.back.columns), found.back]).sort("loan_id")
    again = Book(
        book.date,
        wide.select(book.terms.columns),
        wide.select(STATE),
        pl.concat([book.dues, found.dues]),
        book.pending,
        found.aside,
        found.dues_aside,
    )
    return again, found.dues.with_columns(-pl.col("amount"), -pl.col("paid"))


__all__ = ["Allocations", "DayClose", "Transfers", "close"]
