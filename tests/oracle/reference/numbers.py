"""Rounding of exact fractions to whole minor units."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

PPB = 10**9


def rounded(exact: Fraction | int, mode: str = "half_even") -> int:
    """Whole minor units. `down` is to the floor, `up` to the ceiling."""
    exact = Fraction(exact)
    whole = exact.numerator // exact.denominator
    rest, half = exact - whole, Fraction(1, 2)
    up = {
        "half_even": rest > half or (rest == half and whole % 2 == 1),
        "half_up": rest >= half,
        "down": False,
        "up": rest > 0,
    }[mode]
    return whole + (1 if up else 0)


def to_multiple(amount: int, multiple: int, mode: str) -> int:
    """An amount of minor units as a multiple of so many."""
    return rounded(Fraction(amount, multiple), mode) * multiple


def root_less_one(rate: Fraction, years: Fraction) -> Fraction:
    """(1 + rate) ** years - 1, rounded half-even once to 18 decimals."""
    with localcontext() as precise:
        precise.prec = 60
        base = Decimal(1) + Decimal(rate.numerator) / Decimal(rate.denominator)
        power = base ** (Decimal(years.numerator) / Decimal(years.denominator)) - 1
        return Fraction(power.quantize(Decimal("1e-18"), rounding="ROUND_HALF_EVEN"))
