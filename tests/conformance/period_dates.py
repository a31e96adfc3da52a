"""Dates of the periods between a start and an end, with one stub at either end.

Stub names as in OpenGamma Strata and ISDA practice: the stub is the odd period; short, long
or smart (long if it would be shorter than a week), initial or final. Without a stub rule, the range must be whole periods.
"""

from __future__ import annotations

import datetime as dt
from enum import IntEnum

import polars as pl

from loanbook.core.contract.dates.business_days import BusinessDay, Calendar
from loanbook.core.contract.dates.due_dates import add_months


class Stub(IntEnum):
    """Where an odd period goes, and whether it is shorter or longer than a whole one."""

    none = 0
    short_initial = 1
    long_initial = 2
    short_final = 3
    long_final = 4
    smart_initial = 5
    smart_final = 6


def period_dates(
    start: dt.date,
    end: dt.date,
    months: int,
    stub: Stub,
    *,
    end_of_month: bool = False,
    day: int | None = None,
) -> list[dt.date]:
    """Unadjusted boundaries from `start` to `end`, both included.

    Counted from the end for initial stubs, from the start otherwise, always from that
    anchor, on its own day of the month or on `day`. Raises ValueError if a stub is needed and none is
    allowed.
    """
    backwards = stub in (Stub.short_initial, Stub.long_initial, Stub.smart_initial)
    anchor = end if backwards else start
    # the end-of-month rule holds only if the anchor itself is a month's last day
    last_day = end_of_month and (anchor + dt.timedelta(days=1)).day == 1
    steps = ((end.year - start.year) * 12 + end.month - start.month) // months + 2
    sign = -1 if backwards else 1
    counted = pl.DataFrame({"k": range(steps + 1)}, schema={"k": pl.Int32})
    rolled = counted.select(
        add_months(
            pl.lit(anchor), pl.col("k") * months * sign, pl.lit(day or anchor.day), pl.lit(last_day)
        )
    ).to_series()
    inside = [d for d in rolled.to_list() if start <= d <= end]
    dates = sorted({start, end, *inside})
    odd = rolled.is_in([start if backwards else end]).any()
    if odd or len(dates) == 2:
        return dates
    if stub is Stub.none:
        raise ValueError(f"{start} to {end} is not whole periods of {months} months; name a stub")
    if stub is Stub.long_initial:
        return [dates[0], *dates[2:]]
    if stub is Stub.long_final:
        return [*dates[:-2], dates[-1]]
    if stub is Stub.smart_initial and (dates[1] - dates[0]).days < SMART_DAYS:
        return [dates[0], *dates[2:]]
    if stub is Stub.smart_final and (dates[-1] - dates[-2]).days < SMART_DAYS:
        return [*dates[:-2], dates[-1]]
    return dates


def unadjusted_start(start: dt.date, calendar: Calendar, rule: BusinessDay) -> dt.date:
    """The month's end that `start` stands for, where it is that end moved to a business day.

    Under an end-of-month roll, a start given on the last business day of its month means the
    last day of it (OpenGamma Strata, PeriodicSchedule).
    """
    frame = pl.DataFrame({"d": [start]}).with_columns(end=pl.col("d").dt.month_end())
    moved, end = frame.select(m=calendar.adjust(pl.col("end"), rule), e="end").row(0)
    return end if moved == start else start


SMART_DAYS = 7
"""A smart stub of at least this many days stays short; a shorter one joins its neighbour."""
