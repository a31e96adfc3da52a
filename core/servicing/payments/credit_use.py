"""Use of the borrower's credit: for dues on their day, for what a payout lends and a charge asks."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.charges.ordered import charge
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.receipts import book_receipts
from loanbook.core.servicing.payments.waterfall import Allocated, use_credit, use_credit_on
from loanbook.core.servicing.schedule.coming_dues import show_down_payments_due


def credit_meets_dues(day: DayState) -> None:
    """Step 5: the borrower's credit, where the product uses it."""
    _take(day, use_credit(day.loans, day.dues, day.policies))


def credit_meets(day: DayState, loan_ids: pl.Series) -> None:
    """The credit of loans `loan_ids` meets what an event of theirs asks, due or not yet."""
    _take(day, use_credit_on(day.loans, day.dues, loan_ids, day.policies))


def charge_by_order(day: DayState, events: pl.DataFrame) -> None:
    """A fee or penalty; the borrower's credit meets it where it meets what is not due yet."""
    charge(day, events)
    credit_meets(day, events["loan_id"])


def _take(day: DayState, done: Allocated) -> None:
    """What the borrower's credit met, taken into the day and booked."""
    off_books = day.charged_off()
    day.loans, day.dues = done.loans, done.dues
    show_down_payments_due(day)
    day.allocations.append(done.allocations)
    book_receipts(day, done.allocations, off_books, "borrower_credit")
