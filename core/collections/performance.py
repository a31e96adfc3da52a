"""What came of the work: strategies against each other, on the loans that each had when the period began."""

from __future__ import annotations

import polars as pl

from loanbook.core.collections.promises import FALLEN, share_ppm

WORKED = pl.Schema({"loan_id": pl.Int64(), "attempts": pl.Int64(), "right_party": pl.Int64()})
"""Contacts that the lender began with a loan's borrower, and those that reached the borrower."""


def by_strategy(
    queue: pl.DataFrame, money: pl.DataFrame, verdicts: pl.DataFrame, worked: pl.DataFrame
) -> pl.DataFrame:
    """A row a strategy and currency, of the loans of a `queue`: `loans`, `amount_due` of them when the period began, `collected`
    in it (minor units), `attempts`, `right_party`, `promised`, `fallen` and `kept` promised payments, and shares in parts per
    million: `liquidation` (collected / due), `right_party_share` (of attempts), `promise_share` (of right-party contacts),
    `kept_share` (of those that fell due); null where there is nothing to be a share of.

    A loan counts with the strategy that it had on the first day, whatever became of it, for a split at random compares
    nothing else. Definitions: Oracle's collections indicators.
    """
    came = money.group_by("loan_id").agg(collected=pl.col("amount").sum())
    fell = pl.col("verdict").is_in(FALLEN)
    said = verdicts.group_by("loan_id").agg(
        promised=pl.len().cast(pl.Int64),
        fallen=fell.sum().cast(pl.Int64),
        kept=(pl.col("verdict") == "kept").sum().cast(pl.Int64),
    )
    rows = queue.select("loan_id", "strategy", "currency", "amount_due")
    for part in (came, worked, said):
        rows = rows.join(part, on="loan_id", how="left")
    sums = ("amount_due", "collected", "attempts", "right_party", "promised", "fallen", "kept")
    told = rows.group_by("strategy", "currency").agg(
        pl.len().alias("loans"), *(pl.col(name).fill_null(0).sum() for name in sums)
    )
    return told.with_columns(
        liquidation=share_ppm("collected", "amount_due"),
        right_party_share=share_ppm("right_party", "attempts"),
        promise_share=share_ppm("promised", "right_party"),
        kept_share=share_ppm("kept", "fallen"),
    ).sort("strategy", "currency")
