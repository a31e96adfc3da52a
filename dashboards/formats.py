"""How figures are written: 1,080,000; 12.4 m USD; 4.07 %; 31 Oct 2026; missing is –."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.contract.money import EXPONENT

MISSING = "–"


def total(values: pl.Series) -> float:
    """The sum of numbers as a float; 0.0 of none."""
    return float(values.sum() or 0)


def count(value: int | None) -> str:
    """Whole number with thousands separated."""
    return MISSING if value is None else f"{value:,}"


def short_money(minor: int | None, currency: str) -> str:
    """Major units with their currency, shortened above a million: 12.4 m USD."""
    if minor is None:
        return MISSING
    major = minor / 10 ** EXPONENT[currency]
    for size, letter in ((1e9, "bn"), (1e6, "m")):
        if abs(major) >= size:
            return f"{major / size:,.1f} {letter} {currency}"
    return f"{major:,.0f} {currency}"


def exact_money(minor: int, currency: str) -> str:
    """An amount to its last decimal: 1,234.56 USD."""
    decimals = EXPONENT[currency]
    whole, rest = divmod(abs(minor), 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{fraction} {currency}"


def share(value: float | None) -> str:
    """Per cent with two decimals."""
    return MISSING if value is None else f"{100 * value:.2f} %"


def points(change: float | None) -> str | None:
    """A change of a share, in percentage points."""
    return None if change is None else f"{100 * change:+.2f} points"


def day(date: dt.date | None) -> str:
    """31 Oct 2026."""
    return MISSING if date is None else f"{date.day} {date:%b %Y}"
