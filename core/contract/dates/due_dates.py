"""Due dates: counted from the anchor, never from the previous due date.

Due n = first due date + (n - 1) periods; in months the day is
min(anchor day, length of the month), or the month's end if the loan says so. From an instalment
on they may be counted from another date (`due_date_changes`).
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
    "instalments", "matures_on", "due_date_changes",
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


def changes_of(terms: pl.DataFrame) -> int:
    """The most changes of due dates that a loan of `terms` has (`due_date_changes`)."""
    if "due_date_changes" not in terms.columns or not terms["due_date_changes"].count():
        return 0
    return 1 + int(terms["due_date_changes"].str.count_matches(";").max())  # type: ignore[arg-type]


def change(k: int) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """A loan's change of due dates, the first of them 0: from which instalment on (Int32), its due date, and
    the anchor day of it and those after it (Int32); null where it has no such."""
    told = pl.col("due_date_changes").str.split(";").list.get(k, null_on_oob=True).str.split(":")
    number, date, day = (told.list.get(part, null_on_oob=True) for part in range(3))
    return number.cast(pl.Int32), date.str.to_date("%Y-%m-%d"), day.cast(pl.Int32)


def change_text(number: pl.Expr, date: pl.Expr, day: pl.Expr) -> pl.Expr:
    """A change of due dates as `due_date_changes` has it; a loan's are in order of their instalments."""
    return pl.concat_str(number, pl.lit(":"), date.cast(pl.String), pl.lit(":"), day)


def changed_from(number: pl.Expr, date: pl.Expr, day: pl.Expr, most: int) -> pl.Expr:
    """`due_date_changes` of loans whose instalment `number` falls due on `date`, and those after it follow by
    the anchor `day`: changes of instalments before it stay. `most`: `changes_of` the loans."""
    kept = []
    for k in range(most):
        begins, on, anchor = change(k)
        kept.append(pl.when(begins < number).then(change_text(begins, on, anchor)))
    own = change_text(number, date, day)
    return pl.concat_str(*kept, own, separator=";", ignore_nulls=True)


def counted_anew(first: pl.Expr, most: int, becomes: pl.Expr | int = 1) -> dict[str, pl.Expr]:
    """Columns of loans whose instalment `first` gets number `becomes` and the first due date is counted from its
    date: `due_date_changes` of those after it, and its anchor. `most`: `changes_of` them."""
    if not most:
        return {}
    number = first.cast(pl.Int32)
    anchor, ends = pl.col("anchor_day").cast(pl.Int32), pl.col("end_of_month")
    later = []
    for k in range(most):
        begins, date, day = change(k)
        begun = (begins <= number).fill_null(False)
        anchor, ends = pl.when(begun).then(day).otherwise(anchor), ends & ~begun
        later.append(pl.when(~begun).then(change_text(begins - number + becomes, date, day)))
    told = pl.concat_str(*later, separator=";", ignore_nulls=True)
    return {
        "due_date_changes": pl.when(told != "").then(told),
        "anchor_day": anchor.cast(pl.Int8),
        "end_of_month": ends,
    }


def _stepped(
    from_: pl.Expr, steps: pl.Expr, anchor: tuple[pl.Expr, pl.Expr], units: frozenset[int]
) -> pl.Expr:
    """`from_` and so many units (Int32) on. `anchor`: its day (Int32), and whether that is the month's end."""
    day, end_of_month = anchor

    def counted(unit: Unit) -> pl.Expr:
        """Steps of the loans of a unit, none of others: 7,170 days are no months."""
        return (
            steps if len(units) == 1 else pl.when(pl.col("unit") == unit).then(steps).otherwise(0)
        )

    built = {
        Unit.months: lambda: add_months(from_, counted(Unit.months), day, end_of_month),
        Unit.weeks: lambda: from_ + pl.duration(days=steps.cast(pl.Int64) * 7),
        Unit.days: lambda: from_ + pl.duration(days=steps.cast(pl.Int64)),
        Unit.semi_monthly: lambda: _semi_monthly(
            from_, counted(Unit.semi_monthly), day, pl.col("second_anchor_day").cast(pl.Int32)
        ),
    }
    codes = sorted(units)
    chosen = built[Unit(codes[-1])]()
    for code in codes[:-1]:
        chosen = pl.when(pl.col("unit") == code).then(built[Unit(code)]()).otherwise(chosen)
    return chosen


def due_date(
    n: pl.Expr,
    units: frozenset[int],
    *,
    matures: bool = False,
    changes: int = 0,
    like: pl.Expr | None = None,
) -> pl.Expr:
    """Unadjusted due date of instalment `n` (Int, from 1; 0 is one period before the first).

    Reads `first_due_date`, `anchor_day`, `second_anchor_day`, `end_of_month`, `every`,
    `unit`. `units` are the unit codes present, so that only those are computed. With `matures`
    the last of `instalments` falls due on `matures_on`, where that is not null. `changes`: how many of
    `due_date_changes` to look at (`changes_of`). `like`: counted as that instalment is, not as `n`.
    """
    number, every = n.cast(pl.Int32), pl.col("every").cast(pl.Int32)
    counts_as = number if like is None else like.cast(pl.Int32)
    anchor = pl.col("anchor_day").cast(pl.Int32), pl.col("end_of_month")
    chosen = _stepped(pl.col("first_due_date"), (number - 1) * every, anchor, units)
    for k in range(changes):
        begins, date, day = change(k)
        on = _stepped(date, (number - begins) * every, (day, pl.lit(False)), units)
        chosen = pl.when((begins <= counts_as).fill_null(False)).then(on).otherwise(chosen)
    if matures:
        last = (n == pl.col("instalments")) & pl.col("matures_on").is_not_null()
        chosen = pl.when(last).then("matures_on").otherwise(chosen)
    return chosen


def days_to_pay() -> pl.Expr:
    """Time from the end of a period to the due date of what it bills: none but of a line."""
    return pl.duration(days=pl.col("due_days").cast(pl.Int64))
