"""Due dates: counted from the anchor, never from the previous due date.

Due n = first due date + (n - 1) periods; in months the day is
min(anchor day, length of the month), or the month's end if the loan says so.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import polars as pl


class Unit(IntEnum):
    """Unit of the instalment period; `every` counts them."""

    months = 0
    weeks = 1
    days = 2
    semi_monthly = 3


DUE_TERMS = (
    "first_due_date", "anchor_day", "second_anchor_day", "end_of_month", "every", "unit",
    "instalments", "matures_on",
)  # fmt: skip
"""Terms that due dates are counted from."""
FIRST_YEAR, YEARS = 1600, 1000
_PLACES = 32


def _clipped_days() -> pl.Expr:
    """Every day 0 to 31 of every month, clipped to the month's length, as one literal column.

    Looking a date up is twenty times faster than working it out, and reads its month but once.
    """
    begins = np.datetime64(f"{FIRST_YEAR}-01", "M") + np.arange(YEARS * 12 + 1)
    first = begins.astype("datetime64[D]").astype(np.int64)
    days = np.minimum(first[:-1, None] + np.arange(_PLACES) - 1, first[1:, None] - 1)
    return pl.lit(pl.Series(days.ravel().astype(np.int32)).cast(pl.Date))


_CLIPPED = _clipped_days()


def add_months(date: pl.Expr, months: pl.Expr, day: pl.Expr, end_of_month: pl.Expr) -> pl.Expr:
    """`months` calendar months after `date`'s month, on min(`day`, length of that month).

    Beyond the years 1600 to 2599 a day of the first or last month there: a loan that stands beside a longer
    one is stepped past its own last instalment, and what really ends so late is not boarded.
    """
    years = date.dt.year().cast(pl.Int32) - FIRST_YEAR
    index = years * 12 + date.dt.month().cast(pl.Int32) - 1 + months.cast(pl.Int32)
    wanted = pl.when(end_of_month).then(31).otherwise(day.cast(pl.Int32))
    return _CLIPPED.gather(index.clip(0, YEARS * 12 - 1) * _PLACES + wanted)


def anchor_at(to: pl.Expr) -> pl.Expr:
    """Anchor day (Int8) of dates that are counted anew from `to`: its day.

    Of semi-monthly loans that which they have, where `to` falls on one of their two; the second one stays.
    """
    day = to.dt.day().cast(pl.Int32)
    month_end = to.dt.month_end().dt.day().cast(pl.Int32)
    first, second = (pl.col(name).cast(pl.Int32) for name in ("anchor_day", "second_anchor_day"))
    regular = (day == pl.min_horizontal(first, month_end)) | (
        day == pl.min_horizontal(second, month_end)
    )
    semi = pl.col("unit") == Unit.semi_monthly
    return pl.when(semi & regular).then(first).otherwise(day).cast(pl.Int8)


def first_due_for(to: pl.Expr, n: pl.Expr) -> pl.Expr:
    """First due date with which instalment `n` + 1 falls on `to`.

    Reads `every` and `unit`, of semi-monthly loans the anchor days too; the anchor is `anchor_at(to)`.
    """
    steps = n.cast(pl.Int32) * pl.col("every").cast(pl.Int32)
    day = to.dt.day().cast(pl.Int32)
    first, second = anchor_at(to).cast(pl.Int32), pl.col("second_anchor_day").cast(pl.Int32)
    semi = pl.when(pl.col("unit") == Unit.semi_monthly).then(steps).otherwise(0)
    return (
        pl.when(pl.col("unit") == Unit.months)
        .then(add_months(to, -steps, day, pl.lit(False)))
        .when(pl.col("unit") == Unit.weeks)
        .then(to - pl.duration(days=steps.cast(pl.Int64) * 7))
        .when(pl.col("unit") == Unit.days)
        .then(to - pl.duration(days=steps.cast(pl.Int64)))
        .otherwise(_semi_monthly(to, -semi, first, second))
    )


def _semi_monthly(first_due: pl.Expr, steps: pl.Expr, day: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Two anchor days a month, each clipped; `first_due` falls on one of them."""
    low, high = pl.min_horizontal(day, second), pl.max_horizontal(day, second)
    clipped_high = pl.min_horizontal(high, first_due.dt.month_end().dt.day().cast(pl.Int32))
    starts_high = (first_due.dt.day().cast(pl.Int32) >= clipped_high).cast(pl.Int32)
    half = steps + starts_high
    anchor = pl.when(half % 2 == 1).then(high).otherwise(low)
    return add_months(first_due, half // 2, anchor, pl.lit(False))


def due_date(n: pl.Expr, units: frozenset[int], *, matures: bool = False) -> pl.Expr:
    """Unadjusted due date of instalment `n` (Int, from 1; 0 is one period before the first).

    Reads `first_due_date`, `anchor_day`, `second_anchor_day`, `end_of_month`, `every`,
    `unit`. `units` are the unit codes present, so that only those are computed. With `matures`
    the last of `instalments` falls due on `matures_on`, where that is not null.
    """
    first = pl.col("first_due_date")
    steps = (n.cast(pl.Int32) - 1) * pl.col("every").cast(pl.Int32)
    anchor = pl.col("anchor_day").cast(pl.Int32)

    def counted(unit: Unit) -> pl.Expr:
        """Steps of the loans of a unit, none of others: 7,170 days are no months."""
        return (
            steps if len(units) == 1 else pl.when(pl.col("unit") == unit).then(steps).otherwise(0)
        )

    built = {
        Unit.months: lambda: add_months(
            first, counted(Unit.months), anchor, pl.col("end_of_month")
        ),
        Unit.weeks: lambda: first + pl.duration(days=steps.cast(pl.Int64) * 7),
        Unit.days: lambda: first + pl.duration(days=steps.cast(pl.Int64)),
        Unit.semi_monthly: lambda: _semi_monthly(
            first, counted(Unit.semi_monthly), anchor, pl.col("second_anchor_day").cast(pl.Int32)
        ),
    }
    codes = sorted(units)
    chosen = built[Unit(codes[-1])]()
    for code in codes[:-1]:
        chosen = pl.when(pl.col("unit") == code).then(built[Unit(code)]()).otherwise(chosen)
    if matures:
        last = (n == pl.col("instalments")) & pl.col("matures_on").is_not_null()
        chosen = pl.when(last).then("matures_on").otherwise(chosen)
    return chosen


def days_to_pay() -> pl.Expr:
    """Time from the end of a period to the due date of what it bills: none but of a line."""
    return pl.duration(days=pl.col("due_days").cast(pl.Int64))
