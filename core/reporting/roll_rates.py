"""Roll rates: what of a bucket's balance is one bucket later a month on, and what that says of losses.

Expressions and frames of Float64 shares; nothing is rounded. Source of the loss forecast: Office of the Comptroller
of the Currency, Comptroller's Handbook, Retail Lending Examination Procedures, Appendix G, Roll Rates.
"""

from __future__ import annotations

import polars as pl


def net_flow(now: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Net flow rate into a bucket: what it holds now over what the bucket before it held a period ago.

    Null where that held nothing. Not a roll matrix's share, which follows each loan.
    """
    return pl.when(before != 0).then(now / before)


def loss_factors(buckets: pl.DataFrame) -> pl.DataFrame:
    """`buckets` with `loss_factor`: the product of the flow rates from each bucket to loss.

    `buckets`: one row a bucket, the least late first, with `flow` (the share that goes on to the next bucket, of
    the last one to loss).
    """
    return buckets.with_columns(loss_factor=pl.col("flow").cum_prod(reverse=True))


def with_flows(buckets: pl.DataFrame) -> pl.DataFrame:
    """`buckets`, the least late first, with the `flow` that their `loss_factor` implies."""
    return buckets.with_columns(
        flow=pl.col("loss_factor") / pl.col("loss_factor").shift(-1).fill_null(1.0)
    )


def expected_losses(buckets: pl.DataFrame) -> pl.DataFrame:
    """`buckets` with `loss`: `outstanding` times `loss_factor`."""
    return buckets.with_columns(loss=pl.col("outstanding") * pl.col("loss_factor"))
