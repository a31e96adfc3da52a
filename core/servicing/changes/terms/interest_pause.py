"""Interest pause: nights of some days bear no interest; the instalments stay as they are.

For loans whose interest follows the balance: the last instalment is less for it. The nights are
those before the days `start` to `end`. Several may be agreed at once; no two have a day in common.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.pauses import with_one_more
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.level_instalment import not_on_time

ONE_DAY = dt.timedelta(days=1)


def pause_interest(day: DayState, events: pl.DataFrame) -> None:
    """Take interest pauses, one a loan."""
    orders = with_payload(events, Kind.interest_paused).select(
        "loan_id", "event_id", "end", begins=pl.col("start") - ONE_DAY
    )
    mask = day.loans["loan_id"].is_in(orders["loan_id"].implode())
    # what an earlier pause left out stays left out
    before = day.loans.filter(mask)
    earned = close_segment(before)
    after = earned.join(orders, on="loan_id", how="left", maintain_order="left").with_columns(
        **with_one_more("begins", "end"), **not_on_time()
    )
    day.loans = replaced(day.loans, mask, before, after)
    day.changed.append(orders.select("loan_id", "event_id"))
