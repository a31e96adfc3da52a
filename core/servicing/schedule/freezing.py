"""A schedule that is fixed: its instalments to come stand, and interest follows no balance any more.

What is to come is what billing would ask if arrears were paid on the day (`projection`).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.loan.opening import freeze
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.fixed_schedule import point
from loanbook.core.servicing.schedule.projection import to_come


def freeze_charged_off(day: DayState, events: pl.DataFrame) -> None:
    """Fix active loans of `events` whose product claims the schedule's interest at a charge-off."""
    charge_offs = events.select("loan_id", "event_id")
    mask = day.loans.select(
        pl.col("loan_id").is_in(charge_offs["loan_id"].implode())
        & (pl.col("status") == Status.active.value)
        & pl.col("claims_scheduled")
        & ~pl.col("materialised")
        & (pl.col("instalment_no") <= pl.col("instalments"))
    ).to_series()
    if not mask.any():
        return
    before = day.loans.filter(mask)
    ended = close_segment(before)
    day.dues = merge_dues(day.dues, to_come(ended, day.dues, day.policies.calendars))
    set_ = freeze(ended, pl.lit(True)).with_columns(
        schedule_fixed_on=BUSINESS_DATE,
        **segment.restart(BUSINESS_DATE, pl.col("interest_accrued") + pl.col("accrued_prepaid")),
    )
    day.loans = replaced(day.loans, mask, before, set_)
    day.loans = point(day.loans, day.dues, mask)
    day.changed.append(charge_offs.join(before.select("loan_id"), on="loan_id", how="semi"))
