"""Dates and day counts against QuantLib, on 100,000 random pairs each."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import polars as pl
import pytest
import QuantLib as ql

from loanbook.core.contract.dates.business_days import BusinessDay, Calendar
from loanbook.core.contract.dates.day_count import CONVENTIONS, RateBasis
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import Rounding, int128, rounded_quotient, to_major, to_minor
from loanbook.core.policy.book import PolicyBook
from tests.conformance.terms import row, schedules

PAIRS = 100_000
FIRST = dt.date(2000, 1, 1)

QUANTLIB = {
    "ACT/365F": ql.Actual365Fixed(),
    "ACT/360": ql.Actual360(),
    "ACT/ACT": ql.ActualActual(ql.ActualActual.ISDA),
    "30/360": ql.Thirty360(ql.Thirty360.BondBasis),
    "30/360 US": ql.Thirty360(ql.Thirty360.USA),
    "30E/360": ql.Thirty360(ql.Thirty360.EurobondBasis),
    "30E/360 ISDA": ql.Thirty360(ql.Thirty360.ISDA),
}


@cache
def _pairs() -> tuple[pl.DataFrame, list[ql.Date], list[ql.Date]]:
    draw = np.random.default_rng(3)
    start, length = draw.integers(0, 14_000, PAIRS), draw.integers(0, 4_000, PAIRS)
    frame = pl.DataFrame({"s": start, "e": start + length}).select(
        a=pl.lit(FIRST) + pl.duration(days="s"), b=pl.lit(FIRST) + pl.duration(days="e")
    )
    zero = ql.Date(1, 1, 2000)
    return frame, [zero + int(n) for n in start], [zero + int(n) for n in start + length]


@pytest.mark.parametrize("name", QUANTLIB)
def test_day_counts_agree_with_quantlib(name: str) -> None:
    frame, starts, ends = _pairs()
    count = CONVENTIONS[name]
    ours = frame.select(count.numerator(pl.col("a"), pl.col("b")) / count.denominator).to_series()
    theirs = pl.Series(
        [QUANTLIB[name].yearFraction(a, b) for a, b in zip(starts, ends, strict=True)]
    )
    assert (ours - theirs).abs().max() < 1e-12  # type: ignore[operator]


@pytest.mark.parametrize(
    ("convention", "other"),
    [
        (BusinessDay.following, ql.Following),
        (BusinessDay.modified_following, ql.ModifiedFollowing),
        (BusinessDay.preceding, ql.Preceding),
        (BusinessDay.modified_preceding, ql.ModifiedPreceding),
        (BusinessDay.modified_following_bi_monthly, ql.HalfMonthModifiedFollowing),
    ],
)
def test_business_day_rolls_agree_with_quantlib(
    policies: PolicyBook, convention: BusinessDay, other: int
) -> None:
    ours = next(c for c in policies.calendars.values() if c.name == "us-federal")
    theirs = ql.BespokeCalendar(str(convention))
    theirs.addWeekend(ql.Saturday)
    theirs.addWeekend(ql.Sunday)
    for day in ours.holidays:
        theirs.addHoliday(ql.Date(day.day, day.month, day.year))
    frame, starts, _ = _pairs()
    moved = frame.select(ours.adjust(pl.col("a"), convention)).to_series()
    serial = pl.Series([theirs.adjust(d, other).serialNumber() for d in starts])
    zero = ql.Date(1, 1, 2000).serialNumber()
    assert (moved - FIRST).dt.total_days().equals((serial - zero).cast(pl.Int64))


def test_a_calendar_without_weekend_moves_only_holidays() -> None:
    calendar = Calendar("x", (dt.date(2024, 5, 1),), weekend=())
    frame = pl.DataFrame({"d": [dt.date(2024, 5, 1), dt.date(2024, 5, 4)]})
    moved = frame.select(calendar.adjust(pl.col("d"), BusinessDay.following)).to_series()
    assert moved.to_list() == [dt.date(2024, 5, 2), dt.date(2024, 5, 4)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Rounding.half_even, [0, 2, 2, 3, -2, 10**28]),
        (Rounding.half_up, [1, 2, 3, 3, -1, 10**28]),
        (Rounding.down, [0, 1, 2, 3, -2, 10**28]),
        (Rounding.up, [1, 2, 3, 3, -1, 10**28]),
    ],
)
def test_quotients_round_exactly_by_their_mode(mode: Rounding, expected: list[int]) -> None:
    frame = pl.DataFrame({"n": [1, 3, 5, 6, -3]}, schema={"n": pl.Int128})
    got = frame.select(rounded_quotient(pl.col("n"), int128(2), mode)).to_series().to_list()
    assert got == expected[:5]


def test_a_product_past_int64_stays_exact() -> None:
    frame = pl.DataFrame({"p": [10**13], "r": [359_900_000]})
    exact = int128(pl.col("p")) * pl.col("r") * 366
    got = frame.select(rounded_quotient(exact, int128(365 * 10**9), Rounding.half_even)).item()
    assert got == round(10**13 * 359_900_000 * 366 / (365 * 10**9))


def test_money_text_and_minor_units_are_one_to_one() -> None:
    assert [to_minor("3226.25", "USD"), to_minor("12", "JPY"), to_minor("1.005", "KWD")] == [
        322_625,
        12,
        1_005,
    ]
    assert [to_major(322_625, "USD"), to_major(12, "JPY"), to_major(1_005, "KWD")] == [
        "3226.25",
        "12",
        "1.005",
    ]
    with pytest.raises(ValueError, match="more decimals"):
        to_minor("1.005", "USD")


@pytest.mark.parametrize(
    ("rule", "rate", "due", "interest"),
    [
        ("prorate", "7", dt.date(2024, 3, 1), 121),  # 60 days of a month of 29
        ("forward", "7", dt.date(2024, 3, 1), 117),  # two months; case C3388
        ("forward", "9.4822", dt.date(2024, 2, 18), 125),  # a month and 17 of 29 days; C3156
        ("forward", "12", dt.date(2024, 1, 21), 65),  # 20 of 31 days
    ],
)
def test_a_long_first_period_counts_from_its_end_or_from_its_start(
    rule: str, rate: str, due: dt.date, interest: int
) -> None:
    """Cases of Apache Fineract (Apache-2.0): 100.00 from 1 January on, 30/360."""
    (table,) = schedules(
        [row(principal=10_000, rate_percent=rate, n=6, start=dt.date(2024, 1, 1), first_due=due,
             basis=RateBasis.thirty_360, stub=Stub[rule])]
    )  # fmt: skip
    assert table["interest"][0] == interest
