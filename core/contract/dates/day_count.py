"""Day counts: the fraction of a year between two dates, as an exact integer quotient.

A convention is a named value. ``numerator(start, end) / denominator`` is the year
fraction; the start is included, the end excluded. Sources: ISDA 2006 section 4.16
(b) ACT/ACT, (d) ACT/365F, (e) ACT/360, (f) 30/360, (g) 30E/360, (h) 30E/360 ISDA;
SIFMA Standard Securities Calculation Methods for 30/360 US and PSA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import polars as pl

from loanbook.core.contract.dates.due_dates import add_months


def _days(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    return (end - start).dt.total_days()


def _is_leap(year: pl.Expr) -> pl.Expr:
    return ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)


def _leap_years(year: pl.Expr) -> pl.Expr:
    """Leap years up to and with `year`, counted from the year 1."""
    return year // 4 - year // 100 + year // 400


def _february_end(date: pl.Expr) -> pl.Expr:
    return (date.dt.month() == 2) & (date == date.dt.month_end())


def leap_days(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Number of 29 Februaries d with start <= d < end."""

    def before(date: pl.Expr) -> pl.Expr:
        """Leap days in years 1 .. the last one whose February ended before `date`."""
        year = date.dt.year().cast(pl.Int64)
        past = (date.dt.month() > 2).cast(pl.Int64)
        return _leap_years(year - 1 + past)

    return before(end) - before(start)


def _days_in_leap_years(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Days d with start <= d < end that lie in a leap year."""

    def since_epoch(date: pl.Expr) -> pl.Expr:
        """Days of leap years before `date`, counted from 1 January of year 1."""
        whole = _leap_years(date.dt.year().cast(pl.Int64) - 1)
        into = pl.when(date.dt.is_leap_year()).then(date.dt.ordinal_day().cast(pl.Int64) - 1)
        return whole * 366 + into.otherwise(0)

    return since_epoch(end) - since_epoch(start)


def _thirty(start: pl.Expr, end: pl.Expr, d1: pl.Expr, d2: pl.Expr) -> pl.Expr:
    years = end.dt.year().cast(pl.Int64) - start.dt.year().cast(pl.Int64)
    months = end.dt.month().cast(pl.Int64) - start.dt.month().cast(pl.Int64)
    return years * 360 + months * 30 + (d2 - d1)


def _day(date: pl.Expr) -> pl.Expr:
    return date.dt.day().cast(pl.Int64)


def _thirty_isda(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    d1 = _day(start).clip(upper_bound=30)
    d2 = pl.when((_day(end) == 31) & (d1 == 30)).then(30).otherwise(_day(end))
    return _thirty(start, end, d1, d2)


def _thirty_us(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    both = _february_end(start) & _february_end(end)
    d1 = pl.when(_february_end(start)).then(30).otherwise(_day(start)).clip(upper_bound=30)
    d2 = pl.when(both).then(30).otherwise(_day(end))
    return _thirty(start, end, d1, pl.when((d2 == 31) & (d1 == 30)).then(30).otherwise(d2))


def _thirty_psa(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    last = (_day(start) == 31) | _february_end(start)
    d1 = pl.when(last).then(30).otherwise(_day(start))
    d2 = pl.when((_day(end) == 31) & (d1 == 30)).then(30).otherwise(_day(end))
    return _thirty(start, end, d1, d2)


def _thirty_e(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    return _thirty(start, end, _day(start).clip(upper_bound=30), _day(end).clip(upper_bound=30))


def _thirty_e_isda(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """30E/360 ISDA where the end is not the termination date."""
    d1 = pl.when(start == start.dt.month_end()).then(30).otherwise(_day(start))
    d2 = pl.when(end == end.dt.month_end()).then(30).otherwise(_day(end))
    return _thirty(start, end, d1, d2)


def _thirty_e_isda_maturity(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """30E/360 ISDA up to the termination date: a final February end keeps its day."""
    d1 = pl.when(start == start.dt.month_end()).then(30).otherwise(_day(start))
    last = (end == end.dt.month_end()) & (end.dt.month() != 2)
    return _thirty(start, end, d1, pl.when(last).then(30).otherwise(_day(end)))


def _thirty_e_plus(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    first_of_next = end.dt.offset_by("1d")
    moved = pl.when(_day(end) == 31).then(first_of_next).otherwise(end)
    return _thirty(start, moved, _day(start).clip(upper_bound=30), _day(moved))


def _quarter_days(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    return _days(start, end) * 4


def _counted_back(periods_a_year: int) -> Callable[[pl.Expr, pl.Expr], pl.Expr]:
    """Whole periods back from the end, the days left over the year that ends where they begin.

    Directive 2008/48/EC, Annex I, remark (c), as in the Commission's guidelines on the APR,
    SWD(2012) 128. Numerator over 52 * 12 * 365 * 366.
    """
    unit = 52 * 12 * 365 * 366

    def counted(start: pl.Expr, end: pl.Expr) -> pl.Expr:
        if periods_a_year == 52:
            whole = _days(start, end) // 7
            begin = end - pl.duration(days=whole * 7)
        else:
            every = 12 // periods_a_year
            reached = pl.min_horizontal(_day(end), _day(start.dt.month_end()))
            months = _month(end) - _month(start) - (reached < _day(start)).cast(pl.Int32)
            whole = months // every
            begin = add_months(end, -whole * every, end.dt.day(), pl.lit(False))
        # the year that ends at `begin` has 366 days if it holds a 29 February
        year = begin.dt.year().cast(pl.Int64) - (begin.dt.month() <= 2).cast(pl.Int64)
        on_it = (begin.dt.month() == 2) & (begin.dt.day() == 29)
        rest = pl.when(_is_leap(year) | on_it).then(365).otherwise(366) * _days(start, begin)
        return whole.cast(pl.Int64) * (unit // periods_a_year) + rest * (52 * 12)

    return counted


def _month(date: pl.Expr) -> pl.Expr:
    return date.dt.year().cast(pl.Int32) * 12 + date.dt.month().cast(pl.Int32)


def _act_act(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    # a day is 366 of 365 * 366 parts of a year, one of a leap year 365
    return _days(start, end) * 366 - _days_in_leap_years(start, end)


def _act_act_closing(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """ACT/ACT with a night counted in the year in which it ends, not begins."""
    return _act_act(start.dt.offset_by("1d"), end.dt.offset_by("1d"))


def _without_leap_days(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Days of a calendar without 29 February; one that is the end itself is left out too."""
    leap = leap_days(start.dt.offset_by("1d"), end.dt.offset_by("1d"))
    return _days(start, end) - leap


def _act_365_actual(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Numerator over 365*366: divisor 366 if start < 29 February <= end, else 365."""
    leap = leap_days(start.dt.offset_by("1d"), end.dt.offset_by("1d")) > 0
    return _days(start, end) * pl.when(leap).then(365).otherwise(366)


@dataclass(frozen=True)
class DayCount:
    """A named convention: year fraction = numerator(start, end) / denominator."""

    name: str
    denominator: int
    numerator: Callable[[pl.Expr, pl.Expr], pl.Expr]


CONVENTIONS: dict[str, DayCount] = {
    each.name: each
    for each in (
        DayCount("ACT/365F", 365, _days),
        DayCount("ACT/360", 360, _days),
        DayCount("ACT/364", 364, _days),
        DayCount("ACT/ACT", 365 * 366, _act_act),
        DayCount("ACT/ACT closing", 365 * 366, _act_act_closing),
        DayCount("ACT/365 Actual", 365 * 366, _act_365_actual),
        DayCount("ACT/365.25", 365 * 4 + 1, _quarter_days),
        DayCount("EU month", 52 * 12 * 365 * 366, _counted_back(12)),
        DayCount("EU week", 52 * 12 * 365 * 366, _counted_back(52)),
        DayCount("EU year", 52 * 12 * 365 * 366, _counted_back(1)),
        DayCount("NL/360", 360, _without_leap_days),
        DayCount("NL/365", 365, _without_leap_days),
        DayCount("30/360", 360, _thirty_isda),
        DayCount("30/360 US", 360, _thirty_us),
        DayCount("30/360 PSA", 360, _thirty_psa),
        DayCount("30E/360", 360, _thirty_e),
        DayCount("30E/365", 365, _thirty_e_isda),
        DayCount("30E/360 ISDA", 360, _thirty_e_isda),
        DayCount("30E/360 ISDA maturity", 360, _thirty_e_isda_maturity),
        DayCount("30E+/360", 360, _thirty_e_plus),
    )
}
"""Every day count by its name. A new one is a row here; a product may use those of `RateBasis`."""
DAYS = DayCount("days", 1, _days)
"""The count of a daily rate: days themselves, no fraction of a year."""


class RateBasis(IntEnum):
    """What the yearly rate is divided by for one period: its stored code, and its name in a product.

    A day count by its name in `CONVENTIONS`, but for an equal share a period, a rate a day and a
    compounded rate.
    """

    _value_: int
    words: str

    def __new__(cls, code: int, words: str) -> RateBasis:
        """The member of a code, with its name in a product's file."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.words = words
        return made

    period = 0, "period"
    thirty_360 = 1, "30/360"
    act_365f = 2, "ACT/365F"
    act_360 = 3, "ACT/360"
    act_364 = 4, "ACT/364"
    act_act = 5, "ACT/ACT"
    act_365_actual = 6, "ACT/365 Actual"
    act_act_closing = 7, "ACT/ACT closing"
    thirty_e_360 = 8, "30E/360"
    daily = 9, "daily"
    effective = 10, "effective"


BASES = {each.value: each for each in RateBasis}
"""Bases by their stored code."""
ACTUAL: dict[RateBasis, DayCount] = {
    each: CONVENTIONS[each.words]
    for each in RateBasis
    if each.words in CONVENTIONS and each.name != "thirty_360"
} | {RateBasis.daily: DAYS}
"""The bases that count days between two dates, additively, with their day count; 30/360 gives each
whole period its share of the year."""


def counts_days() -> pl.Expr:
    """Loans whose basis counts actual days, so that no period of theirs is odd."""
    return pl.col("basis").is_in(list(ACTUAL))
