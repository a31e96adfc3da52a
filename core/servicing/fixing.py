"""A schedule that is fixed: its instalments to come stand, and interest follows no balance any more.

What is to come is what billing would ask if arrears were paid on the day (`projection`).
"""

from __future__ import annotations

import polars as pl

from core.ledger.codes import Status
from core.servicing.accrual import close_segment
from core.servicing.book import merge_dues, replaced
from core.servicing.instalments import point
from core.servicing.opening import fixed
from core.servicing.projection import to_come
from core.servicing.running import Running
from core.servicing.today import TODAY


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
