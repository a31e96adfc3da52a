"""Ceilings of the rate by law: a borrower on active duty bears no more than the law allows.

While the flag stands the rate is the lower of what was agreed and the ceiling; what was agreed is
kept (`rate_agreed`) and comes back with the flag's end. The level instalment is solved anew, as at
any change of the rate. Policy: `data/policies/rate_ceilings`. Source: 50 USC 3937.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Flag


def applies() -> pl.Expr:
    """Loans whose rate a ceiling holds, or would if it were higher; reads `flags`."""
    flagged = (pl.col("flags").fill_null(0) & Flag.active_duty.value) != 0
    return flagged & (pl.col("duty_ceiling") > 0)


def capped(rate: pl.Expr) -> pl.Expr:
    """The rate that a loan bears, of one that was agreed."""
    return pl.when(applies()).then(pl.min_horizontal(rate, "duty_ceiling")).otherwise(rate)


def uncapped_rate(rate: pl.Expr) -> pl.Expr:
    """What was agreed, where the ceiling lies below it; else null."""
    return pl.when(applies() & (rate > pl.col("duty_ceiling"))).then(rate)
