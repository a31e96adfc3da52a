"""A schedule that is fixed: its instalments to come stand, and interest follows no balance any more.

What is to come is what billing would ask if arrears were paid on the day (`projection`).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan.book import merge_dues, replaced
from loanbook.core.servicing.loan.business_date import TODAY
from loanbook.core.servicing.loan.opening import fixed
from loanbook.core.servicing.loan.posting import Running
from loanbook.core.servicing.schedule.fixed_schedule import point
from loanbook.core.servicing.schedule.projection import to_come


def fix_charged_off(day: Running, events: pl.DataFrame) -> None:
    """Fix active loans of `events` whose product claims the schedule's interest at a charge-off."""
    told = events.select("loan_id", "event_id")
    at = day.touched.select(
        pl.col("loan_id").is_in(told["loan_id"].implode())
        & (pl.col("status") == Status.active.value)
        & pl.col("claims_scheduled")
        & ~pl.col("whole_schedule")
        & (pl.col("instalment_no") <= pl.col("instalments"))
    ).to_series()
    if not at.any():
        return
    before = day.touched.filter(at)
    ended = close_segment(before)
    day.dues = merge_dues(day.dues, to_come(ended, day.dues, day.policies.calendars))
    set_ = fixed(ended, pl.lit(True)).with_columns(
        stands_from=TODAY,
        accrual_from=TODAY,
        accrual_whole=pl.col("interest_accrued") + pl.col("accrual_paid"),
        accrual_rest=pl.lit(0, dtype=pl.Int64),
    )
    day.touched = replaced(day.touched, at, before, set_)
    day.touched = point(day.touched, day.dues, at)
    day.changed.append(told.join(before.select("loan_id"), on="loan_id", how="semi"))
