"""The annual percentage rate: the rate at which what is paid is worth what was advanced.

One equation serves the three disclosures, solved for all loans at once:

    sum of advances / ((1 + f i) (1 + i)^t)  =  sum of payments / ((1 + f i) (1 + i)^t)

- United States, 12 CFR 1026 Appendix J (b)(8): t whole unit periods and a fraction f of one;
  APR = i times the unit periods of a year.
- European Union, Directive 2008/48/EC Annex I: t in years (Float64), f = 0; the rate is i itself.
- India, key facts statement (RBI 2024): t in months, f = 0; nominal, 12 i.

A rate solved for is a number beside the ledger: amounts enter the equation as floats and no
amount comes out of it.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.errors import EngineError

CLOSE = 1e-13
"""Change of the rate, against one plus the rate, at which the search ends."""
MOST_STEPS = 200


def solved_rate(flows: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `rate` (Float64, per unit period) from the flows of every loan.

    `flows`: `loan_id`, `amount` (Int64 minor units; advances below zero, payments above),
    `periods` (Float64, whole unit periods, or years) and `fraction` (Float64 of a unit period at
    simple interest, else 0). Newton's method from zero: for loans whose advances come before
    their payments the function is convex and falls, so it closes in from one side. Raises
    EngineError where payments are worth less than the advances even at no interest, or where
    the search does not end.
    """
    rates = flows.select("loan_id").unique(maintain_order=True).with_columns(rate=pl.lit(0.0))
    short = flows.group_by("loan_id").agg(pl.col("amount").sum()).filter(pl.col("amount") < 0)
    if short.height:
        raise EngineError(
            f"loan {short['loan_id'][0]} pays back less than was advanced: it has no APR; check "
            "its cash flows"
        )
    i, t, f = pl.col("rate"), pl.col("periods"), pl.col("fraction")
    simple = 1 + f * i
    worth = pl.col("amount").cast(pl.Float64) / (simple * (1 + i).pow(t))
    slope = -worth * (f / simple + t / (1 + i))
    for _ in range(MOST_STEPS):
        sums = (
            flows.lazy()
            .join(rates.lazy(), on="loan_id")
            .group_by("loan_id")
            .agg(worth=worth.sum(), slope=slope.sum())
            .with_columns(
                step=pl.when(pl.col("slope") != 0)
                .then(-pl.col("worth") / pl.col("slope"))
                .otherwise(0)
            )
            .collect(engine="streaming")
        )
        rates = rates.join(
            sums.select("loan_id", "step"), on="loan_id", how="left", maintain_order="left"
        ).select("loan_id", rate=pl.col("rate") + pl.col("step"))
        moved = (
            sums.join(rates, on="loan_id")
            .select((pl.col("step") / (1 + pl.col("rate"))).abs().max())
            .item()
        )
        if isinstance(moved, float) and moved < CLOSE:
            return rates
    raise EngineError(
        f"the search for an APR did not end after {MOST_STEPS} steps; check the flows"
    )


def nominal_percent(rate: pl.Expr, periods_a_year: pl.Expr | float) -> pl.Expr:
    """APR in per cent as the United States and India disclose it: the rate times the periods."""
    return rate * periods_a_year * 100


def effective_percent(rate: pl.Expr, periods_a_year: pl.Expr | float) -> pl.Expr:
    """APR in per cent as the European Union discloses it: compounded over a year."""
    return ((1 + rate).pow(periods_a_year) - 1) * 100
