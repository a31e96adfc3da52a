"""Floating rates: what an index value makes of a loan's rate, and which loans reset on it.

A loan resets every so often from its first reset on. A fixing is the value of an index on a date;
it holds for the resets so many days later. The new rate is index * multiplier + spread, within the
product's floor and cap, and no further from the rate in force than its cap of one reset allows.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import PPB, int128


def rate() -> pl.Expr:
    """The rate (Int64, parts per billion) that `index_ppb` makes, rounded down.

    Reads the product's `rate_multiplier`, `rate_floor`, `rate_cap`, `reset_cap` (parts per billion)
    and the loan's `spread_ppb` and `rate_ppb`.
    """
    scaled = int128(pl.col("index_ppb")) * int128(pl.col("rate_multiplier"))
    uncapped = (scaled // PPB).cast(pl.Int64) + pl.col("spread_ppb").fill_null(0)
    near = pl.min_horizontal(
        pl.max_horizontal(uncapped, pl.col("rate_ppb") - pl.col("reset_cap")),
        pl.col("rate_ppb") + pl.col("reset_cap"),
    )
    return pl.min_horizontal(pl.max_horizontal(near, "rate_floor"), "rate_cap")


def resetting(loans: pl.DataFrame, on: pl.Expr) -> pl.DataFrame:
    """Those of `loans` that reset on the date `on`.

    `loans`: `first_reset_on`, `disbursed_on` (Date), `reset_every`, `reset_unit` (codes of `Unit`).
    """
    first = pl.col("first_reset_on")
    months = (
        (on.dt.year().cast(pl.Int32) - first.dt.year()) * 12
        + on.dt.month().cast(pl.Int32)
        - first.dt.month()
    )
    day = pl.min_horizontal(first.dt.day(), on.dt.month_end().dt.day())
    every = pl.col("reset_every").cast(pl.Int64)
    days = (on - first).dt.total_days()
    unit = pl.when(pl.col("reset_unit") == Unit.weeks.value).then(every * 7).otherwise(every)
    by_month = (months % every == 0) & (on.dt.day() == day)
    whole = pl.when(pl.col("reset_unit") == Unit.months.value).then(by_month)
    return loans.filter(
        (on >= first) & (on > pl.col("disbursed_on")) & whole.otherwise(days % unit == 0)
    )
