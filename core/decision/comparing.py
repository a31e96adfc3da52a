"""Two policies over the same applications, and a policy against what became of loans."""

from __future__ import annotations

import polars as pl

TOGETHER = ["outcome", "outcome_other"]


def compared(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Decisions (`DECISIONS`) of a champion and a challenger on the same applications, side by side, a row an application
    that comes out otherwise: `application_id`, and by both `outcome`, `grade`, `points`, `rate_ppb`, `amount`,
    `reasons`; those of the challenger end with `_other`."""
    names = ["outcome", "grade", "points", "rate_ppb", "amount", "reasons"]
    both = one.select("application_id", *names).join(
        other.select("application_id", *names), on="application_id", suffix="_other", maintain_order="left"
    )  # fmt: skip
    differs = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_other")) for name in names if name != "points"
    )
    return both.filter(differs)


def moves(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Applications, and what is lent by both (Int64 minor units), by the outcomes of champion and challenger: `outcome`,
    `outcome_other`, `applications`, `amount`, `amount_other`. They sum to all applications."""
    both = one.select("application_id", "outcome", "amount").join(
        other.select("application_id", "outcome", "amount"), on="application_id", suffix="_other"
    )
    return (
        both.group_by(TOGETHER)
        .agg(
            applications=pl.len(), amount=pl.col("amount").sum(), amount_other=pl.col("amount_other").sum()
        )
        .sort(TOGETHER)
    )  # fmt: skip


def back_test(decisions: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """A policy on past applications against what their loans did, by its outcome and grade.

    `loans`: `application_id`, `bad` (Boolean), `lent`, `lost` (Int64 minor units). Gives `outcome`, `grade`,
    `applications`, `loans`, `bad`, `lent`, `lost`. Applications without a loan count as applications alone: of those
    that were turned away nobody knows what they would have done.
    """
    both = decisions.select("application_id", "outcome", "grade").join(
        loans, on="application_id", how="left"
    )
    return (
        both.group_by("outcome", "grade")
        .agg(
            applications=pl.len(),
            loans=pl.col("bad").count(),
            bad=pl.col("bad").sum(),
            lent=pl.col("lent").sum(),
            lost=pl.col("lost").sum(),
        )
        .sort("outcome", "grade", nulls_last=True)
    )
