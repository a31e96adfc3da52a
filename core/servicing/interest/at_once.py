"""Interest that counts as earned at once, not by nights: booked on the day, loan by loan."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.posting import DayState


def earn_at_once(
    day: DayState, mask: pl.Series, amount: pl.Expr, events: pl.DataFrame | None = None
) -> None:
    """So much more interest of the loans of `mask` is earned (`amount`: Int64 minor units, read off
    positions), with the `event_id` of their `events` where one did it. Memorandum of a claim that is
    off the books."""
    if not mask.any():
        return
    before = day.loans.filter(mask).with_columns(earned_now=amount)
    rows = before.select("loan_id", "earned_now")
    if events is not None:
        rows = rows.join(events.select("loan_id", "event_id"), on="loan_id")
    day.book_earned(rows, "interest_accrued", "interest_income", "earned_now")
    more = pl.col("earned_now")
    after = before.with_columns(
        **balances.grow_accrued(more),
        accrued_today=pl.col("accrued_today") + more,
        interest_earned=pl.col("interest_earned") + more,
    )
    day.loans = replaced(day.loans, mask, before, after.select(day.loans.columns))
