"""Buy-downs: another, or the lender itself, pays for the borrower's rate; the claim is as it was.

What was paid is income of the loan's life, like a deferred fee.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.servicing.income.deferred_income import defer
from loanbook.core.servicing.loan.posting import DayState


def buy_down(day: DayState, events: pl.DataFrame) -> None:
    """So much is paid for the rate, one a loan."""
    _move(day, events)


def adjust_buy_down(day: DayState, events: pl.DataFrame) -> None:
    """So much of it is given back."""
    _move(day, events.with_columns(amount=-pl.col("amount")))


def _move(day: DayState, events: pl.DataFrame) -> None:
    """Deferred income grows by the amounts, paid by whoever the product says; below zero it shrinks."""
    payers = day.loans.select("loan_id", "buy_down_expensed")
    paid = events.select("loan_id", "event_id", "amount").join(payers, on="loan_id")
    payer = pl.when("buy_down_expensed").then(ROLE["buy_down_expense"])
    day.book(paid, payer.otherwise(ROLE["payment_clearing"]), "deferred_fee_income", "amount")
    defer(day, paid)
