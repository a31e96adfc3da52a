"""Money that came in is allocated, all of it, or held unidentified."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.laws.moved import Moved


def payments_are_allocated(moved: Moved) -> Law:
    """Allocations of one payment sum to the payment, or the payment is held unidentified.

    What is kept of a payout meets no more than that.
    """
    paid = moved.applied.filter(pl.col("kind").is_in([k.value for k in MONEY_IN]))
    out = moved.applied.filter(pl.col("kind") == Kind.disbursed.value)
    placed = pl.concat(
        [
            moved.allocations.filter(pl.col("event_id") != 0).select(
                "loan_id", "event_id", "amount"
            ),
            moved.unidentified.select("loan_id", "event_id", "amount"),
        ]
    )
    sums = placed.group_by("event_id").agg(
        placed=pl.col("amount").sum(), placed_on=pl.col("loan_id").first()
    )
    kept = sums.join(out.select("event_id", whole="amount"), on="event_id")
    money = paid.select("event_id", "loan_id", "amount")
    if kept.height:
        sums = sums.join(kept, on="event_id", how="anti")
        over = kept.filter(pl.col("placed") > pl.col("whole"))
        sums = pl.concat([sums, over.select(sums.columns)])
    broken = (
        money.join(sums, on="event_id", how="full", coalesce=True)
        .with_columns(pl.col("amount", "placed").fill_null(0))
        .filter(pl.col("amount") != pl.col("placed"))
        .select(
            pl.coalesce("loan_id", "placed_on"), "event_id", payment="amount", allocated="placed"
        )
    )
    total = int(paid["amount"].sum() or 0)
    return verdict("payments_are_allocated", broken, f"{paid.height} payments, {total} minor")
