"""Speeds of prepayment and default, and what a pool of level loans is scheduled to owe.

Expressions over shares (Float64: 0.06 is six per cent), one row a pool and month; nothing is rounded. `age` counts
months since the pool's first, the first month being 1. Source: The Bond Market Association, Uniform Practices,
chapter SF, Standard Formulas for the Analysis of Mortgage-Backed Securities (1999).

- SMM: what of the balance that a month's schedule leaves is prepaid in the month
- CPR: the same as a yearly rate, compounded
- PSA: CPR as a multiple of the standard ramp, 0.2 % a month up to 6 % from month 30 on
- ABS: what of the loans of the beginning is prepaid in the month
- SDA: the yearly default rate as a multiple of the standard curve
"""

from __future__ import annotations

import polars as pl

_RAMP, _RAMP_MONTHS = 0.06, 30
_SDA_PEAK, _SDA_FALLS_AFTER, _SDA_LEVEL_FROM, _SDA_END = 0.006, 60, 120, 0.0003


def smm_of_cpr(cpr: pl.Expr) -> pl.Expr:
    """The share a month of a yearly one; of default rates too (MDR of CDR)."""
    return 1 - (1 - cpr) ** (1 / 12)


def cpr_of_smm(smm: pl.Expr) -> pl.Expr:
    """The yearly rate of a share a month."""
    return 1 - (1 - smm) ** 12


def cpr_over(smm: pl.Expr, months: int) -> pl.Expr:
    """The yearly rate over the last so many rows of a pool, by month; null before there are as many."""
    stays = (1 - smm).log().rolling_sum(months).exp()
    return 1 - stays ** (12 / months)


def _ramp(age: pl.Expr) -> pl.Expr:
    return pl.min_horizontal(age, pl.lit(_RAMP_MONTHS)) * (_RAMP / _RAMP_MONTHS)


def cpr_of_psa(psa: pl.Expr, age: pl.Expr) -> pl.Expr:
    """CPR of a month at a PSA speed (1 is 100 PSA)."""
    return psa * _ramp(age)


def psa_of_cpr(cpr: pl.Expr, age: pl.Expr) -> pl.Expr:
    """PSA speed (1 is 100 PSA) of a CPR that was seen in a month."""
    return cpr / _ramp(age)


def smm_of_abs(abs_speed: pl.Expr, age: pl.Expr) -> pl.Expr:
    """SMM of a month at an ABS speed."""
    return abs_speed / (1 - abs_speed * (age - 1))


def abs_of_smm(smm: pl.Expr, age: pl.Expr) -> pl.Expr:
    """ABS speed of an SMM that was seen in a month."""
    return smm / (1 + smm * (age - 1))


def cdr_of_sda(sda: pl.Expr, age: pl.Expr) -> pl.Expr:
    """Yearly default rate of a month at an SDA speed (1 is 100 SDA).

    The curve rises by 0.02 % a month to 0.6 % in month 30, stays there to month 60, falls evenly to 0.03 % in
    month 120 and stays there.
    """
    rising = age * (_SDA_PEAK / _RAMP_MONTHS)
    fall = (_SDA_PEAK - _SDA_END) / (_SDA_LEVEL_FROM - _SDA_FALLS_AFTER)
    falling = _SDA_PEAK - (age - _SDA_FALLS_AFTER) * fall
    curve = pl.min_horizontal(rising, pl.lit(_SDA_PEAK), falling)
    return sda * pl.max_horizontal(curve, pl.when(age > _SDA_LEVEL_FROM).then(_SDA_END))


def scheduled_balance(rate: pl.Expr, term: pl.Expr, left: pl.Expr) -> pl.Expr:
    """Share of a level loan's amount that its schedule still owes with `left` of `term` monthly instalments
    to come, at a yearly `rate` of twelve equal parts."""
    monthly = rate / 12
    owed = (1 - (1 + monthly) ** (-left)) / (1 - (1 + monthly) ** (-term))
    return pl.when(monthly == 0).then(left / term).otherwise(owed)


def smm_observed(start: pl.Expr, end: pl.Expr, scheduled: pl.Expr) -> pl.Expr:
    """SMM of a month from the balances at its start and end and what the schedule takes within it.

    Nothing is prepaid while the pool as a whole is behind its schedule.
    """
    left = start - scheduled
    return pl.when(left > 0).then((left - end).clip(lower_bound=0) / left).otherwise(0.0)
