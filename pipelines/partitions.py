"""Business days as Dagster partitions: from the book's first date to the last landed one."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from loanbook.pipelines.ingest.landing import NAME
from loanbook.pipelines.resources import settings


def landed_range() -> tuple[dt.date, dt.date]:
    """First and last business date among the names in the landing folder; today if it is empty."""
    folder = settings().landing
    dates = sorted(
        match["date"]
        for path in (folder.rglob("*.csv") if folder.exists() else ())
        if (match := NAME.match(path.name))
    )
    if not dates:
        today = dt.date.today()
        return today, today
    return dt.date.fromisoformat(dates[0]), dt.date.fromisoformat(dates[-1])


def business_days() -> dg.DailyPartitionsDefinition:
    """One partition a business date. Read when definitions load: each run loads them anew."""
    first, last = landed_range()
    end = last + dt.timedelta(days=1)
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_date=end.isoformat())
