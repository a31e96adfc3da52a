"""Moratorium, by order: the next instalments are not asked; they, and those after them, fall due later.

How periods are passed over: `loanbook.core.servicing.schedule.payment_holiday`.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind, MoratoriumInterest
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.fixed_schedule import FAR
from loanbook.core.servicing.schedule.level_instalment import with_balance_on_time


def grant_moratorium(day: DayState, events: pl.DataFrame) -> None:
    """Take moratoria, one a loan; what runs ends first on its due date."""
    orders = with_payload(events, Kind.moratorium_granted).select(
        "loan_id", "event_id", count="instalments", rule="interest"
    )
    mask = day.loans["loan_id"].is_in(orders["loan_id"].implode())
    before = day.loans.filter(mask)
    ordered = close_segment(before).join(orders, on="loan_id", how="left", maintain_order="left")
    rules = {rule.name: rule.value for rule in MoratoriumInterest}
    unearned = pl.col("rule") == MoratoriumInterest.none.name
    after = ordered.with_columns(
        moratorium_left=pl.col("count"),
        moratorium_interest=pl.col("rule").replace_strict(rules, return_dtype=pl.Int8),
        matures_on=pl.lit(None, dtype=pl.Date),
        paused_from=pl.when(unearned).then(BUSINESS_DATE).otherwise("paused_from"),
        paused_until=pl.when(unearned)
        .then(BUSINESS_DATE + pl.duration(days=FAR))
        .otherwise("paused_until"),
    )
    after = with_balance_on_time(after, day.dues)
    day.loans = replaced(day.loans, mask, before, after)
    day.changed.append(orders.select("loan_id", "event_id"))
