"""What came of the work: by channel, by agent, and strategies against each other on the loans that each had when a period began."""

from __future__ import annotations

import polars as pl

from loanbook.core.collections.promises import FALLEN, rates, share_ppm

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


MADE = pl.Schema({
    "agent": pl.String(), "channel": pl.String(), "attempts": pl.Int64(), "right_party": pl.Int64(), "loans": pl.Int64(),
})  # fmt: skip
"""Contacts that the lender began in a period, by agent (empty: nobody made them) and channel."""
LEAST_CONTACTS = 30
"""So few contacts say too little of an agent for a rank."""


def by_channel(made: pl.DataFrame) -> pl.DataFrame:
    """A row a channel (schema `MADE` summed): `attempts`, `right_party`, `right_party_share` of attempts (parts per million)."""
    sums = made.group_by("channel").agg(pl.col("attempts", "right_party").sum())
    told = sums.with_columns(right_party_share=share_ppm("right_party", "attempts"))
    return told.sort("attempts", "channel", descending=[True, False])


def by_agent(made: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """A row an agent: `attempts`, `right_party`, `promises`, `promised` payments of these, `fallen`, `kept` (counts), `amount_fallen`, `amount_paid` (minor units of
    one currency), `right_party_share` (of attempts), `promise_share` (of right-party contacts), `kept_share`, `paid_share` (of
    those that fell due, by number and amount) in parts per million, and `rank` by `paid_share`.

    `made`: schema `MADE`. `verdicts`: promises of the period (`promises.JUDGED`). A rank has who made `LEAST_CONTACTS` and more and
    had a promise that fell due; of equal shares both have the better one. Definitions: Oracle's collections indicators.
    """
    worked = (
        made.filter(pl.col("agent") != "")
        .group_by("agent")
        .agg(pl.col("attempts", "right_party").sum())
    )
    promised = rates(verdicts.filter(pl.col("agent") != ""), "agent").select(
        "agent", "promised", "fallen", "kept", "amount_fallen", "amount_paid", "kept_share", "paid_share"
    )  # fmt: skip
    plans = verdicts.group_by("agent").agg(promises=pl.struct("loan_id", "plan").n_unique())
    promised = promised.join(plans, on="agent")
    rows = worked.join(promised, on="agent", how="full", coalesce=True).with_columns(
        pl.col("attempts", "right_party", "promises", "promised", "fallen", "kept", "amount_fallen", "amount_paid").fill_null(0).cast(pl.Int64)
    )  # fmt: skip
    ranked = (pl.col("attempts") >= LEAST_CONTACTS) & pl.col("paid_share").is_not_null()
    rank = pl.when(ranked).then("paid_share").rank("min", descending=True).cast(pl.Int64)
    return rows.with_columns(
        right_party_share=share_ppm("right_party", "attempts"), promise_share=share_ppm("promises", "right_party"), rank=rank,
    ).sort("rank", "attempts", "agent", descending=[False, True, False], nulls_last=True)  # fmt: skip
