"""Portfolio figures of one currency from one date's positions, grouped by days past due and status.

Input of every function: `days_past_due` (Int), `status` (code), `loans`, `principal`,
`overdue` (Int64 minor units): the positions of a version, summed per pair. A few
hundred rows however many loans there are. Amounts of different currencies have no sum: of rows by
`currency` (code) one is taken first (`of_currency`).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.contract.money import CURRENCY_CODES, CURRENCY_NAMES
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.arrears.days_past_due import bucket

STEP = 5
"""Width of a bar of the days-past-due distribution, in days."""


def currencies(grouped: pl.DataFrame) -> list[str]:
    """The currencies of the rows, that of the most loans first."""
    loans = grouped.group_by("currency").agg(pl.col("loans").sum())
    ranked = loans.sort("loans", "currency", descending=[True, False])["currency"]
    return [CURRENCY_NAMES[code] for code in ranked.to_list()]


def of_currency(grouped: pl.DataFrame, currency: str) -> pl.DataFrame:
    """The rows of one currency."""
    return grouped.filter(pl.col("currency") == CURRENCY_CODES[currency])


def live(grouped: pl.DataFrame) -> pl.DataFrame:
    """Loans that still are a claim on the books."""
    return grouped.filter(pl.col("status") == Status.active.value)


def key_figures(grouped: pl.DataFrame) -> dict[str, float | int | None]:
    """`principal`, `loans`, `overdue` (Int) and `par_30` (share, None if nothing is lent)."""
    rows = live(grouped)
    principal = int(rows["principal"].sum() or 0)
    at_risk = int(rows.filter(pl.col("days_past_due") > 30)["principal"].sum() or 0)
    overdue = int(rows.filter(pl.col("days_past_due") > 0)["overdue"].sum() or 0)
    return {
        "principal": principal,
        "loans": int(rows["loans"].sum() or 0),
        "overdue": overdue,
        "par_30": at_risk / principal if principal else None,
    }


def by_bucket(grouped: pl.DataFrame, buckets: Buckets) -> pl.DataFrame:
    """`bucket` (label), `place`, `loans`, `principal`, `share` of principal; every range a row."""
    ranges = pl.DataFrame(
        {
            "place": range(len(buckets.ranges)),
            "bucket": [each.label for each in buckets.ranges],
        },
        schema_overrides={"place": pl.Int8},
    )
    sums = (
        live(grouped)
        .group_by(place=bucket(pl.col("days_past_due"), buckets))
        .agg(pl.col("loans", "principal").sum())
    )
    whole = pl.col("principal").sum()
    return (
        ranges.join(sums, on="place", how="left", maintain_order="left")
        .with_columns(pl.col("loans", "principal").fill_null(0))
        .with_columns(share=pl.when(whole > 0).then(pl.col("principal") / whole))
    )


def dpd_distribution(grouped: pl.DataFrame) -> pl.DataFrame:
    """`from_day`, `loans`, `principal` of late loans, in ranges of `STEP` days from day 1."""
    start = (pl.col("days_past_due") - 1) // STEP * STEP + 1
    return (
        live(grouped)
        .filter(pl.col("days_past_due") > 0)
        .group_by(from_day=start)
        .agg(pl.col("loans", "principal").sum())
        .sort("from_day")
    )
