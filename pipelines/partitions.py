"""Business days as Dagster partitions: from the book's first date to the last landed one."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from loanbook.pipelines.ingest.landing import landed_dates, near_dates
from loanbook.pipelines.resources import settings


def landed_range() -> tuple[dt.date, dt.date]:
    """First and last business date among the names in the landing folder; today (UTC) if it is empty."""
    today = dt.datetime.now(dt.UTC).date()
    landed = map(dt.date.fromisoformat, landed_dates(settings().landing))
    dates = near_dates(landed, today) or [today]
    return dates[0], dates[-1]


def business_days() -> dg.DailyPartitionsDefinition:
    """One partition a business date. Read when definitions load: each run loads them anew."""
    first, last = landed_range()
    end = last + dt.timedelta(days=1)
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_date=end.isoformat())
