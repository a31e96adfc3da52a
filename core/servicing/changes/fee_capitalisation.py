"""Capitalised fees: a fee joins the principal, as a payout that no one gets; it is income over the
loan's life."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.changes.disbursement import lend
from loanbook.core.servicing.income.deferred_income import defer
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.credit_use import credit_meets
from loanbook.core.servicing.payments.receipts import receive


def capitalise_fee(day: DayState, events: pl.DataFrame) -> None:
    """Principal and deferred income grow by the fee, one a loan."""
    lend(day, events, "deferred_fee_income")
    credit_meets(day, events["loan_id"])
    defer(day, events)


def adjust_fee(day: DayState, events: pl.DataFrame) -> None:
    """So much of it is given back: it counts as money in, and is no income."""
    receive(day, events)
    defer(day, events.with_columns(amount=-pl.col("amount")))
