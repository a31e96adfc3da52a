"""Due dates, day counts and business days, straight from their definitions."""

from __future__ import annotations

import calendar
import datetime as dt
from fractions import Fraction

from tests.oracle.reference.model import Terms

DAY = dt.timedelta(days=1)


def clipped(year: int, month: int, day: int) -> dt.date:
    """That day of the month, or the month's last. Months count on over the year's end."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return dt.date(year, month, min(day, calendar.monthrange(year, month)[1]))


def plain_due(terms: Terms, n: int) -> dt.date:
    """Due date of instalment n (1 is the first; 0 and below count back), unadjusted."""
    first = terms.first_due_date
    steps = (n - 1) * terms.every
    if terms.unit == "weeks":
        return first + dt.timedelta(days=7 * steps)
    if terms.unit == "days":
        return first + dt.timedelta(days=steps)
    if terms.unit == "semi_monthly":
        return _semi_monthly(terms, steps)
    return clipped(first.year, first.month + steps, 31 if terms.end_of_month else terms.anchor_day)


def _semi_monthly(terms: Terms, steps: int) -> dt.date:
    low, high = sorted((terms.anchor_day, terms.second_anchor_day))
    first = terms.first_due_date
    begins_high = first == clipped(first.year, first.month, high) and first.day != low
    place = steps + (1 if begins_high else 0)
    return clipped(first.year, first.month + place // 2, high if place % 2 else low)


def days_30e(start: dt.date, end: dt.date) -> int:
    """30E/360: the 31st counts as the 30th (ISDA 2006, 4.16(g))."""
    return (
        360 * (end.year - start.year)
        + 30 * (end.month - start.month)
        + min(end.day, 30)
        - min(start.day, 30)
    )


def days_30_us(start: dt.date, end: dt.date) -> int:
    """30/360 (ISDA 2006, 4.16(f)): an end on the 31st is moved only from a start on 30 or 31."""
    d1 = min(start.day, 30)
    d2 = 30 if end.day == 31 and d1 == 30 else end.day
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + d2 - d1


def year_fraction(basis: str, start: dt.date, end: dt.date) -> Fraction:
    """Years from start to end, start included, end excluded."""
    days = (end - start).days
    if basis in ("ACT/365F", "ACT/360", "ACT/364"):
        return Fraction(days, {"ACT/365F": 365, "ACT/360": 360, "ACT/364": 364}[basis])
    if basis == "30E/360":
        return Fraction(days_30e(start, end), 360)
    if basis == "30/360":
        return Fraction(days_30_us(start, end), 360)
    assert basis == "ACT/ACT", basis
    total, day = Fraction(0), start
    while day < end:  # split at the year's end
        turn = min(end, dt.date(day.year + 1, 1, 1))
        total += Fraction((turn - day).days, 366 if calendar.isleap(day.year) else 365)
        day = turn
    return total


def moved(day: dt.date, convention: str, weekend: list[int], holidays: set[dt.date]) -> dt.date:
    """A date on a business day, by the convention."""

    def open_(d: dt.date) -> bool:
        return d.isoweekday() not in weekend and d not in holidays

    def roll(d: dt.date, step: dt.timedelta) -> dt.date:
        while not open_(d):
            d += step
        return d

    if convention == "unadjusted" or open_(day):
        return day
    after, before = roll(day, DAY), roll(day, -DAY)
    if convention == "following":
        return after
    if convention == "preceding":
        return before
    if convention == "modified_following":
        return after if after.month == day.month else before
    if convention == "modified_preceding":
        return before if before.month == day.month else after
    raise ValueError(convention)
