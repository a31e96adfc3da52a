"""Refinancing: a new loan pays this one off, or in part, out of what it pays out."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.receipts import receive


def refinance(day: DayState, events: pl.DataFrame) -> None:
    """Money in of refinancings, one a loan; it comes out of the new loan's payout."""
    receive(day, events)
    day.book(events, "payout_clearing", "refinance_clearing", "amount")
