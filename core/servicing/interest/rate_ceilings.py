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


def as_of(loans: pl.DataFrame, ceilings: pl.DataFrame, day: pl.Expr) -> pl.DataFrame:
    """`loans` with the `duty_ceiling` in force on `day` (Date), where the law's changes.

    `ceilings`: `PolicyBook.duty_ceilings`.
    """
    if ceilings["product"].is_in(loans["product"].unique().implode()).not_().all():
        return loans
    dated = loans.select("product", since=day).with_row_index("_row").sort("since")
    found = dated.join_asof(
        ceilings, on="since", by="product", strategy="backward", check_sortedness=False
    )
    held = pl.Series("_held", found.sort("_row")["ceiling"])
    changes = pl.col("product").is_in(ceilings["product"].unique().implode())
    return (
        loans.with_columns(held)
        .with_columns(
            duty_ceiling=pl.when(changes)
            .then(pl.col("_held").fill_null(0))
            .otherwise("duty_ceiling")
        )
        .drop("_held")
    )


def capped(rate: pl.Expr) -> pl.Expr:
    """The rate that a loan bears, of one that was agreed."""
    return pl.when(applies()).then(pl.min_horizontal(rate, "duty_ceiling")).otherwise(rate)


def uncapped_rate(rate: pl.Expr) -> pl.Expr:
    """What was agreed, where the ceiling lies below it; else null."""
    return pl.when(applies() & (rate > pl.col("duty_ceiling"))).then(rate)
