"""Periods that are no whole one: what a first one bears, beside the factor of a whole period, and one that
an order made longer or shorter later.
"""

from __future__ import annotations

from enum import IntEnum

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit, add_months
from loanbook.core.contract.money import PPB


class Stub(IntEnum):
    """What a first period that is no whole period bears."""

    prorate = 0
    plus_days_365 = 1
    whole_period = 2
    forward = 3  # a whole period from the start, and its odd days as a share of the one after it
    plus_days_actual = 4  # a whole period, and odd days over the days of the year they begin in
    days_365 = 5  # its days over 365


class StubInterest(IntEnum):
    """How the interest of the days that a first period has beyond a regular one is asked, or is
    less by where it has fewer."""

    level = 0  # within level instalments that are solved with it
    upfront = 1  # kept of the payout; of a shorter period as under `first_instalment`
    first_instalment = 2  # on top of the first of instalments that are solved without it
    spread = 3  # on top of all of them, in even parts


def later_stub(number: pl.Expr) -> pl.Expr:
    """What of a stub's interest that is asked in parts comes after instalment `number` (Int64)."""
    asked = pl.col("stub_share").abs() * number.cast(pl.Int64)
    left = (pl.col("stub_amount").abs() - asked).clip(lower_bound=0)
    return left * pl.col("stub_amount").sign()


def factor(
    stub: Stub, rate: pl.Expr, part: pl.Expr, over: pl.Expr, days: tuple[pl.Expr, pl.Expr]
) -> tuple[pl.Expr, pl.Expr]:
    """Rate of an odd first period: numerator and denominator (Int64).

    `rate` a year in parts per billion, `part` / `over` what a whole period is of a year, `days` those
    of the period and of a whole one that ends with it, or as `forward` counts them. Reads the period's dates.
    """
    actual, regular = days
    match stub:
        case Stub.whole_period:
            return rate * part, over * PPB
        case Stub.prorate | Stub.forward:
            return rate * part * actual, over * PPB * regular
        case Stub.days_365:
            return rate * actual, pl.lit(PPB * 365, dtype=pl.Int64)
    year = pl.lit(365)
    if stub is Stub.plus_days_actual:
        year = pl.when(pl.col("period_start").dt.is_leap_year()).then(366).otherwise(365)
    # a whole period plus (or less) the odd days over a year, at simple interest
    return rate * (part * year + over * (actual - regular)), over * PPB * year


_START, _END = pl.col("period_start"), pl.col("period_end")


def whole_periods(start: pl.Expr = _START) -> tuple[pl.Expr, pl.Expr]:
    """Where a whole period from `start` ends (Date), and the one after it."""
    every = pl.col("every").cast(pl.Int64)

    def after(periods: int) -> pl.Expr:
        months = add_months(start, every * periods, start.dt.day(), pl.lit(False))
        weeks = pl.col("unit") == Unit.weeks.value
        days = start + pl.duration(days=every * periods * pl.when(weeks).then(7).otherwise(1))
        return pl.when(pl.col("unit") == Unit.months.value).then(months).otherwise(days)

    return after(1), after(2)


def reckoned_by(unit: Unit) -> Unit:
    """What periods are counted in whose rate was agreed by `unit`: half months are shares of a month."""
    return Unit.months if unit is Unit.semi_monthly else unit


def in_units() -> tuple[pl.Expr, pl.Expr]:
    """The period counted from its start in units of `rate_unit`, as parts over the parts of one (Int64).

    So many whole units (`reckoned_by`); odd days are a share of the unit that they lie in.
    """
    start, end, unit = pl.col("period_start"), pl.col("period_end"), pl.col("rate_unit")
    days = (end - start).dt.total_days()

    def months_on(months: pl.Expr) -> pl.Expr:
        return add_months(start, months, start.dt.day(), pl.lit(False))

    calendar = (
        12 * (end.dt.year().cast(pl.Int64) - start.dt.year()) + end.dt.month() - start.dt.month()
    )
    whole = calendar - (months_on(calendar) > end).cast(pl.Int64)
    odd = (end - months_on(whole)).dt.total_days()
    length = (months_on(whole + 1) - months_on(whole)).dt.total_days()
    by_months = unit.is_in([Unit.months.value, Unit.semi_monthly.value])
    week = pl.when(unit == Unit.weeks.value).then(7).otherwise(1)
    return (
        pl.when(by_months).then(whole * length + odd).otherwise(days),
        pl.when(by_months).then(length).otherwise(week).cast(pl.Int64),
    )


def forward(
    start: pl.Expr = _START, end: pl.Expr = _END, wholes: tuple[pl.Expr, pl.Expr] | None = None
) -> tuple[pl.Expr, pl.Expr]:
    """The period counted from its start, as days over those of a regular one.

    Beyond a whole period, its odd days are a share of the period after it. `wholes`: `whole_periods` from
    the start, where they are at hand.
    """
    whole, then = wholes or whole_periods(start)
    odd = (end - whole).dt.total_days()
    first = (whole - start).dt.total_days()
    second = (then - whole).dt.total_days()
    return (
        pl.when(odd >= 0).then(second + odd).otherwise(first + odd),
        pl.when(odd >= 0).then(second).otherwise(first),
    )
