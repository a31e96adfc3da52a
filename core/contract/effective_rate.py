"""Effective yearly rates: the factor of a period is (1 + rate) to the power of its years, less 1."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

import polars as pl

from loanbook.core.contract.money import PPB

EFFECTIVE = 10**18
"""What a factor is over: it is rounded half-even, once, to 18 decimals."""
_EXACT = Context(prec=45)


@lru_cache(maxsize=2**18)
def _factor(rate: int, over: int, under: int) -> int:
    factor = _EXACT.power(1 + _EXACT.divide(Decimal(rate), Decimal(PPB)),
                         _EXACT.divide(Decimal(over), Decimal(under)))  # fmt: skip
    scaled = _EXACT.multiply(factor - 1, Decimal(EFFECTIVE))
    return int(scaled.to_integral_value(ROUND_HALF_EVEN))


def period_factor(rate: pl.Expr, over: pl.Expr, under: pl.Expr) -> pl.Expr:
    """(1 + `rate`) ** (`over` / `under` years) - 1, over `EFFECTIVE` (Int64).

    `rate` in parts per billion a year. A power is worked out once for every rate and length
    that occurs, never once a loan: a whole book has few of them.
    """

    def of(kinds: pl.Series) -> pl.Series:
        frame = kinds.struct.unnest()
        once = frame.unique().drop_nulls()
        found = once.with_columns(
            factor=pl.Series([_factor(*row) for row in once.rows()], dtype=pl.Int64)
        )
        return frame.join(found, on=frame.columns, how="left", maintain_order="left")["factor"]

    whole = pl.struct(a=rate.cast(pl.Int64), b=over.cast(pl.Int64), c=under.cast(pl.Int64))
    return whole.map_batches(of, return_dtype=pl.Int64)
