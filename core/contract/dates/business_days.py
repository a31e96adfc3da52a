"""Business days: holiday calendars as data, and the conventions that roll a date.

Source: ISDA 2006 section 4.12 (following, modified following, preceding, nearest);
"modified following bi-monthly" does not cross the 15th nor the month's end.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum

import polars as pl


class BusinessDay(IntEnum):
    """How a date that is no business day moves."""

    unadjusted = 0
    following = 1
    modified_following = 2
    preceding = 3
    modified_preceding = 4
    modified_following_bi_monthly = 5
    nearest = 6


@dataclass(frozen=True)
class Calendar:
    """A named set of holidays and the weekdays (Monday = 1) that are no business days."""

    name: str
    holidays: tuple[dt.date, ...] = ()
    weekend: tuple[int, ...] = (6, 7)

    def is_business_day(self, date: pl.Expr) -> pl.Expr:
        """Boolean per row: neither weekend nor holiday."""
        weekend = date.dt.weekday().is_in(list(self.weekend))
        return ~(weekend | date.is_in(list(self.holidays)))

    def _business_days(self) -> tuple[bool, ...]:
        return tuple(day not in self.weekend for day in range(1, 8))

    def next(self, date: pl.Expr) -> pl.Expr:
        """The date itself or the next business day."""
        return self._roll(date, "forward")

    def previous(self, date: pl.Expr) -> pl.Expr:
        """The date itself or the business day before it."""
        return self._roll(date, "backward")

    def _roll(self, date: pl.Expr, direction: str) -> pl.Expr:
        return date.dt.add_business_days(
            0,
            week_mask=self._business_days(),
            holidays=list(self.holidays),
            roll=direction,  # type: ignore[arg-type]
        )

    def adjust(self, date: pl.Expr, convention: BusinessDay) -> pl.Expr:
        """`date` moved to a business day by `convention`."""
        if convention is BusinessDay.unadjusted:
            return date
        later, earlier = self.next(date), self.previous(date)
        month = date.dt.month()
        match convention:
            case BusinessDay.following:
                return later
            case BusinessDay.preceding:
                return earlier
            case BusinessDay.modified_following:
                return pl.when(later.dt.month() == month).then(later).otherwise(earlier)
            case BusinessDay.modified_preceding:
                return pl.when(earlier.dt.month() == month).then(earlier).otherwise(later)
            case BusinessDay.modified_following_bi_monthly:
                crosses = (later.dt.month() != month) | (
                    (date.dt.day() <= 15) & (later.dt.day() > 15)
                )
                return pl.when(crosses).then(earlier).otherwise(later)
            case BusinessDay.nearest:
                # Sunday and Monday holidays go forward, the others back (OpenGamma, ISDA "nearest").
                forward = date.dt.weekday().is_in([7, 1])
                moved = pl.when(forward).then(later).otherwise(earlier)
                return pl.when(self.is_business_day(date)).then(date).otherwise(moved)


EVERY_DAY = Calendar("every-day", weekend=())
WEEKENDS = Calendar("weekends")


def adjusted(date: pl.Expr, frame: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.Expr:
    """`date` moved by each loan's business-day convention and calendar code.

    A date that would move back to the payout (`disbursed_on`), or before it, moves on instead: nothing is
    due before it is lent.
    """
    chosen = date
    pairs = frame.select("business_day", "calendar").unique().rows()
    for convention, calendar in pairs:
        if convention == BusinessDay.unadjusted:
            continue
        moved = calendars[calendar].adjust(date, BusinessDay(convention))
        if convention != BusinessDay.following:
            lent = moved > pl.col("disbursed_on")
            moved = pl.when(lent).then(moved).otherwise(calendars[calendar].next(date))
        same = (pl.col("business_day") == convention) & (pl.col("calendar") == calendar)
        chosen = pl.when(same).then(moved).otherwise(chosen)
    return chosen
