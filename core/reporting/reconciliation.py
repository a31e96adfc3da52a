"""How the engine's balances compare with those that another servicer reports.

The carrying amount is compared: a charged-off loan has none. A difference is explained only
if it lies within what its reason can cause; the bound is part of the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

PPB = 10**9
NEAR = 3
"""Cents within which rounding of interest explains a difference."""


@dataclass(frozen=True)
class Reason:
    """Why a balance may differ, and by how much at most (expression in minor units)."""

    name: str
    text: str
    applies: pl.Expr
    bound: pl.Expr


def _interest(amount: pl.Expr, days: int | pl.Expr) -> pl.Expr:
    return amount.cast(pl.Float64) * pl.col("rate_ppb") * days / (360 * PPB)


_ORDINARY = _interest(pl.col("emi") * pl.col("instalments_paid"), 15)

REASONS = (
    Reason(
        "early_principal",
        "paid more than its instalments; the day is derived, so the interest saved may differ",
        pl.col("extra") > 0,
        _interest(pl.col("extra"), pl.col("age_days")) + _ORDINARY,
    ),
    Reason(
        "late_with_fee",
        "paid late with a fee; the days late are derived, at most 31 an instalment",
        pl.col("late_fees") > 0,
        _interest(pl.col("emi") * pl.col("instalments_paid"), 31) + pl.col("late_fees"),
    ),
    Reason(
        "days_of_payment",
        "the tape holds no payment dates; each instalment up to 15 days early or late",
        pl.lit(True),
        _ORDINARY,
    ),
    Reason(
        "order_of_payments",
        "the same total was paid, but which part was instalment, first-period interest or early "
        "principal is not in the tape: at most a month's interest on the loan",
        pl.col("reported_paid") == pl.col("paid"),
        _interest(pl.col("principal_agreed"), 30),
    ),
)
"""Reasons in the order in which they are tried."""


def compared(loans: pl.DataFrame) -> pl.DataFrame:
    """`loans` with `difference` (Int64 minor units) and `verdict`.

    Reads `status`, `carrying`, `reported_balance`, `rate_ppb`, `emi`, `instalments_paid`,
    `extra`, `late_fees`, `age_days`, `principal_agreed`, `paid`, `reported_paid`. Verdicts: exact, near, one of `REASONS`, unexplained.
    """
    apart = loans.with_columns(difference=pl.col("carrying") - pl.col("reported_balance"))
    size = pl.col("difference").abs()
    verdict = pl.lit("unexplained")
    for reason in reversed(REASONS):
        fits = reason.applies & (size.cast(pl.Float64) <= reason.bound + NEAR)
        verdict = pl.when(fits).then(pl.lit(reason.name)).otherwise(verdict)
    return apart.with_columns(
        verdict=pl.when(size == 0)
        .then(pl.lit("exact"))
        .when(size <= NEAR)
        .then(pl.lit("near"))
        .otherwise(verdict)
    )


def table(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per reported status: loans, exact, within 3 cents, explained, unexplained,
    reported status met, and the largest unexplained difference (minor units)."""
    named = [reason.name for reason in REASONS]
    return (
        rows.group_by("status")
        .agg(
            loans=pl.len(),
            exact=(pl.col("verdict") == "exact").sum(),
            within_3_cents=pl.col("verdict").is_in(["exact", "near"]).sum(),
            **{name: (pl.col("verdict") == name).sum() for name in named},
            unexplained=(pl.col("verdict") == "unexplained").sum(),
            status_met=(pl.col("status") == pl.col("engine_status")).sum(),
            largest_unexplained=pl.col("difference")
            .abs()
            .filter(pl.col("verdict") == "unexplained")
            .max()
            .fill_null(0),
        )
        .sort("loans", descending=True)
    )
