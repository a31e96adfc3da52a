"""Money that came in is allocated, all of it, or held unidentified."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN
from loanbook.core.servicing.laws.law import Law, Moved, verdict


def payments_are_allocated(moved: Moved) -> Law:
    """Allocations of one payment sum to the payment, or the payment is held unidentified."""
    paid = moved.applied.filter(pl.col("kind").is_in([k.value for k in MONEY_IN]))
    placed = pl.concat(
        [
            moved.allocations.filter(pl.col("event_id") != 0).select("event_id", "amount"),
            moved.unidentified.select("event_id", "amount"),
        ]
    )
    sums = placed.group_by("event_id").agg(placed=pl.col("amount").sum())
    broken = (
        paid.select("event_id", "loan_id", "amount")
        .join(sums, on="event_id", how="full", coalesce=True)
        .filter(pl.col("amount").fill_null(0) != pl.col("placed").fill_null(0))
    )
    total = int(paid["amount"].sum() or 0)
    return verdict("payments_are_allocated", broken, f"{paid.height} payments, {total} minor")
