"""Interest pause: nights of some days bear no interest; the instalments stay as they are.

For loans whose interest follows the balance: the last instalment is less for it. The nights are
those before the days `start` to `end`. One pause at a time; the next one begins after it.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.posting import DayState

BODY = pl.Struct({"start": pl.String, "end": pl.String})
"""What the payload of a pause says, as JSON: its first and last day."""
ONE_DAY = dt.timedelta(days=1)


def pause(day: DayState, events: pl.DataFrame) -> None:
    """Take interest pauses, one a loan."""
    told = events.select(
        "loan_id", "event_id", pl.col("payload").str.json_decode(BODY).alias("body")
    ).unnest("body")
    at = day.loans["loan_id"].is_in(told["loan_id"].implode())
    # what an earlier pause left out stays left out
    before = day.loans.filter(at)
    earned = close_segment(before)
    after = earned.join(told, on="loan_id", how="left", maintain_order="left").with_columns(
        paused_from=pl.col("start").str.to_date() - ONE_DAY,
        paused_until=pl.col("end").str.to_date(),
    )
    day.loans = replaced(day.loans, at, before, after)
    day.changed.append(told.select("loan_id", "event_id"))
