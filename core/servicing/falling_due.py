"""What falls due today: instalments are billed and booked, and taxed where interest is."""

from __future__ import annotations

import polars as pl

from core.ledger.codes import Component
from core.servicing.billing import bill
from core.servicing.running import Running
from core.servicing.taxes import ask_tax


def fall_due(day: Running) -> pl.Series:
    """Bill the instalments whose period ends today; returns the ids of their loans."""
    day.touched, day.dues, billed = bill(day.touched, day.dues, day.policies.calendars)
    on_books = ~pl.col("loan_id").is_in(day.charged_off().implode())
    day.book(billed.filter(on_books), "interest_due", "interest_accrued", "billed_interest")
    day.book(billed, "loan_principal", "interest_accrued", "capitalised")
    taxable = billed.with_columns(component=pl.lit(Component.interest.value, dtype=pl.Int8))
    ask_tax(day, taxable.rename({"taxable": "base"}))
    return billed["loan_id"]
