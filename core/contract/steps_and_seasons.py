"""Instalments that are not all alike: raised or lowered by steps, or by the season.

Instalment n asks the level instalment times its weight: (1 + step) for every whole step that has
gone by, times the share that the month of its due date asks. A share of 0 is a skipped period;
what becomes of its interest is the product's `shortfall`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import polars as pl

from loanbook.core.contract.money import PPB

SHARE_BITS, TENTHS = 32, 10
"""A month's share is a whole number of tenths below `SHARE_BITS`; twelve of them are one Int64."""
PLAIN = sum(TENTHS * SHARE_BITS**month for month in range(12))
"""A season in which every month asks one instalment."""
WHOLE = PPB * TENTHS
"""What a weight is over."""
LAST = 600
"""Instalments that a table of steps reaches."""


def packed(shares: list[Fraction]) -> int:
    """Twelve shares, January first, as one number. ValueError if one is no tenth from 0 to 3.1."""
    tenths = [share * TENTHS for share in shares]
    if len(tenths) != 12 or any(t.denominator != 1 or not 0 <= t < SHARE_BITS for t in tenths):
        raise ValueError("name twelve shares, each a tenth from 0 to 3.1")
    if not any(tenths):
        raise ValueError("a season needs a month that asks something")
    return sum(int(t) * SHARE_BITS**month for month, t in enumerate(tenths))


def weighted(terms: pl.DataFrame) -> bool:
    """Whether some loan's instalments are not all alike."""
    if "season" not in terms.columns:
        return False
    return bool((terms["season"] != PLAIN).any() or (terms["step_ppb"] != 0).any())


def alike() -> pl.Expr:
    """Loans all of whose instalments ask the level one."""
    return (pl.col("season") == PLAIN) & (pl.col("step_ppb") == 0)


def weight(number: pl.Expr, due: pl.Expr, terms: pl.DataFrame) -> pl.Expr:
    """Weight of instalment `number` that falls `due`, over `WHOLE` (Int64).

    Reads `step_ppb`, `step_every`, `season`. Steps are counted from the loan's first instalment,
    also where `terms` number those that are left from 1 (`weighs_from` of them went before).
    """
    if "weighs_from" in terms.columns:
        number = number + pl.col("weighs_from")
    powers = pl.lit(pl.Series([SHARE_BITS**month for month in range(12)], dtype=pl.Int64))
    month = due.dt.month().cast(pl.Int32) - 1
    share = pl.col("season") // powers.gather(month) % SHARE_BITS
    steps = (number.cast(pl.Int32) - 1) // pl.col("step_every")
    raised: pl.Expr = pl.lit(PPB, dtype=pl.Int64)
    for step in terms["step_ppb"].unique().to_list():
        if step:
            stepped = _step_powers(step).gather(steps.clip(0, LAST))
            raised = pl.when(pl.col("step_ppb") == step).then(stepped).otherwise(raised)
    return raised * share


@cache
def _step_powers(step: int) -> pl.Expr:
    """(1 + step) to the power 0, 1, ... in parts per billion, each rounded once, half-even."""
    factor = 1 + Fraction(step, PPB)
    found, power = [], Fraction(1)
    for _ in range(LAST + 1):
        found.append(min(round(power * PPB), 2**58))
        power = min(Fraction(round(power * factor * 10**30), 10**30), Fraction(10**9))
    return pl.lit(pl.Series(found, dtype=pl.Int64))
