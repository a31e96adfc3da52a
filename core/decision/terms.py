"""What an application would be lent at which price: grade, rate, limit, and what the applicant can bear."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import polars as pl

from loanbook.core.contract.money import PPB, int128, rate_to_ppb
from loanbook.core.policy.decisions.decision import DecisionPolicy

UNIT = 10**12
"""Instalments are held for so much principal, rounded up."""
PRICES = pl.Schema(
    {"grade": pl.String, "term": pl.Int64, "rate_ppb": pl.Int64, "maximum": pl.Int64, "factor": pl.Int64}
)  # fmt: skip


@cache
def instalment_factor(rate_ppb: int, months: int) -> int:
    """The level instalment of a month for `UNIT` of principal at a twelfth of the yearly rate, rounded up.

    P·r / (1 − (1 + r)^−n), the usual annuity. An estimate for underwriting: what is asked is reckoned by the product
    when the loan is agreed, by its own day count and rounding.
    """
    with localcontext() as exact:
        exact.prec = 60
        rate = Decimal(rate_ppb) / PPB / 12
        share = rate / (1 - (1 + rate) ** -months) if rate else 1 / Decimal(months)
        return int((share * UNIT).to_integral_value(rounding="ROUND_CEILING"))


def prices(policy: DecisionPolicy) -> pl.DataFrame:
    """A row a grade and term that is offered (schema `PRICES`)."""
    rows = [
        (band.grade, months, rate := rate_to_ppb(percent), band.maximum_minor, instalment_factor(rate, months))
        for band in policy.grades
        for months, percent in band.rate_percent.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PRICES, orient="row")


def grade(policy: DecisionPolicy) -> pl.Expr:
    """The grade of a row's `points`; null: they are too low, or not known."""
    found = pl.lit(None, dtype=pl.String)
    for band in reversed(policy.grades):
        found = (
            pl.when(pl.col("points") >= band.from_points).then(pl.lit(band.grade)).otherwise(found)
        )
    return found


def instalment(amount: str) -> pl.Expr:
    """The instalment of an amount by the row's `factor`, minor units, rounded up."""
    return ((int128(pl.col(amount)) * pl.col("factor") + (UNIT - 1)) // UNIT).cast(pl.Int64)


def affordable(policy: DecisionPolicy) -> pl.Expr:
    """The most that the applicant can bear (Int64, minor units, never below zero) by the row's `factor`; null where
    an income, the obligations or the price is not known."""
    rule = policy.affordability
    known = pl.all_horizontal(
        pl.col(name).is_not_null() for name in (*rule.income, rule.obligations)
    )
    income = pl.min_horizontal(rule.income)
    left = int128(income) * rule.share_bp - int128(pl.col(rule.obligations)) * 120_000
    a_month = left.clip(lower_bound=0) // 120_000
    most = a_month * UNIT // int128(pl.col("factor"))
    return pl.when(known).then(most.clip(upper_bound=10**15).cast(pl.Int64))
