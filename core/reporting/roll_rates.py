"""Roll rates: what of a bucket's balance is one bucket later a month on, and what that says of losses.

Expressions and frames of Float64 shares; nothing is rounded. Source of the loss forecast: Office of the Comptroller
of the Currency, Comptroller's Handbook, Retail Lending Examination Procedures, Appendix G, Roll Rates.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.policy.models import Buckets
from loanbook.core.reporting.metrics import Metric
from loanbook.core.servicing.arrears.days_past_due import bucket


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


ROLL = Metric(
    "roll_rate", "Roll rate", "Principal at the month end before of loans that stood in one bucket then and "
    "stand in another now", "principal at the month end before of all loans of the first bucket", "per cent",
    "are an end, as is paid off: a row sums to 100 per cent",
)  # fmt: skip
NET_FLOW = Metric(
    "net_flow", "Net flow", "Principal in a bucket now", "principal in the bucket before it a month ago",
    "per cent", "left out of both",
)  # fmt: skip
METRICS = (ROLL, NET_FLOW)
PAID_OFF, CHARGED_OFF = "paid off", "charged off"
LIVE = (Status.active.value, Status.overpaid.value)
"""Statuses of loans that stand in a bucket: a credit is no end."""


def forward_percent(cells: pl.DataFrame) -> pl.DataFrame:
    """Roll risk of late buckets: `place` (of the bucket), `roll_percent` (Int64, rounded down): of what stood in it, what stood in a later
    bucket or was charged off a month on. `cells`: `matrix` of one month or of several."""
    forward = (pl.col("target_place") > pl.col("origin_place")) & (pl.col("target") != PAID_OFF)
    whole = pl.col("amount").sum()
    sums = cells.filter(pl.col("origin_place") > 0).group_by(place="origin_place").agg(
        whole=whole, forward=pl.col("amount").filter(forward).sum()
    )  # fmt: skip
    risk = pl.col("forward") * 100 // pl.col("whole")
    return sums.filter(pl.col("whole") > 0).select("place", roll_percent=risk.cast(pl.Int64))


def matrix(rows: pl.DataFrame, buckets: Buckets, by: Sequence[str] = ()) -> pl.DataFrame:
    """The roll matrix: `origin`, `origin_place`, `target`, `target_place`, `loans`, `amount`, `share`.

    `rows`: of the mart `roll`, of one month or of several (their sums are shared out): `from_status`, `from_days`,
    `to_status`, `to_days`, `loans`, `from_principal`. Rows of one origin sum to 1. Where charge-offs were given up or
    settled they stand with those charged off. `by`: columns of `rows` (`business_date`) that each have a matrix.
    """
    labels = [each.label for each in buckets.ranges]
    lost, paid = len(labels), len(labels) + 1
    names = {**dict(enumerate(labels)), lost: CHARGED_OFF, paid: PAID_OFF}
    stood = rows.filter(pl.col("from_status").is_in(LIVE))
    target = (
        pl.when(pl.col("to_status").is_in(LIVE))
        .then(bucket(pl.col("to_days"), buckets).cast(pl.Int32))
        .when(pl.col("to_status") == Status.closed.value)
        .then(paid)
        .otherwise(lost)
    )
    cells = stood.group_by(
        *by, origin_place=bucket(pl.col("from_days"), buckets).cast(pl.Int32), target_place=target
    ).agg(pl.col("loans").sum(), amount=pl.col("from_principal").sum())
    whole = pl.col("amount").sum().over(*by, "origin_place")
    return (
        cells.with_columns(
            share=pl.when(whole > 0).then(pl.col("amount") / whole),
            origin=pl.col("origin_place").replace_strict(names, return_dtype=pl.String),
            target=pl.col("target_place").replace_strict(names, return_dtype=pl.String),
        )
        .select(*by, "origin", "origin_place", "target", "target_place", "loans", "amount", "share")
        .sort(*by, "origin_place", "target_place")
    )


def net_flows(rows: pl.DataFrame, buckets: Buckets) -> pl.DataFrame:
    """Net flow by month: `business_date`, `bucket` (that is flowed into), `place`, `flow`.

    `rows`: of the mart `roll` with `business_date`: what each bucket holds now over what the one before it held.
    """
    place = pl.int_range(len(buckets.ranges), eager=True).cast(pl.Int32)
    labels = pl.DataFrame({"place": place, "bucket": [each.label for each in buckets.ranges]})

    def held(side: str, name: str) -> pl.DataFrame:
        return (
            rows.filter(pl.col(f"{side}_status").is_in(LIVE))
            .group_by("business_date", place=bucket(pl.col(f"{side}_days"), buckets).cast(pl.Int32))
            .agg(pl.col(f"{side}_principal").sum().alias(name))
        )

    now = held("to", "now")
    before = held("from", "before").with_columns(pl.col("place") + 1)
    return (
        now.join(before, on=["business_date", "place"], how="full", coalesce=True)
        .filter((pl.col("place") > 0) & (pl.col("place") < len(buckets.ranges)))
        .with_columns(flow=net_flow(pl.col("now").fill_null(0), pl.col("before").fill_null(0)))
        .join(labels, on="place")
        .select("business_date", "bucket", "place", "flow")
        .sort("place", "business_date")
    )
