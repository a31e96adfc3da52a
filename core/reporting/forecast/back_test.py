"""Forecasts by roll rates, tried on the past: what the months before said of a month, beside what came."""

from __future__ import annotations

import polars as pl


def back_test(cells: pl.DataFrame) -> pl.DataFrame:
    """`business_date`, `target`, `forecast`, `low`, `high`, `actual` (of the balance of the month end before).

    `cells`: roll matrices by month: `business_date`, `origin_place`, `target`, `amount`. A month is forecast from what
    stood in each bucket before it and the pooled shares of all earlier months; `low` and `high` are what any
    single one of them would have said. Months without an earlier one are not forecast.
    """
    months = cells["business_date"].unique().sort().to_list()
    origins = cells.group_by("business_date", "origin_place").agg(stood=pl.col("amount").sum())
    targets = cells.select("target").unique()
    found = []
    for place, month in enumerate(months[1:], start=1):
        earlier = cells.filter(pl.col("business_date").is_in(months[:place]))
        stood = origins.filter(pl.col("business_date") == month).select("origin_place", "stood")
        pooled = _said(earlier.with_columns(business_date=pl.lit(0)), stood)
        single = _said(earlier, stood).group_by("target").agg(
            low=pl.col("said").min(), high=pl.col("said").max()
        )  # fmt: skip
        came = cells.filter(pl.col("business_date") == month).group_by("target").agg(
            actual=pl.col("amount").sum()
        )  # fmt: skip
        found.append(
            targets.join(pooled.group_by("target").agg(forecast=pl.col("said").sum()), on="target", how="left")
            .join(single, on="target", how="left")
            .join(came, on="target", how="left")
            .with_columns(pl.lit(month).alias("business_date"))
        )  # fmt: skip
    if not found:
        return pl.DataFrame(schema=_BACK_TEST)
    figures = ("forecast", "low", "high", "actual")
    return (
        pl.concat(found)
        .with_columns(pl.col(figures).cast(pl.Float64).fill_null(0.0))
        .select(_BACK_TEST.keys())
        .sort("business_date", "target")
    )


_BACK_TEST = {
    "business_date": pl.Date, "target": pl.String, "forecast": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "actual": pl.Float64,
}  # fmt: skip


def _said(earlier: pl.DataFrame, stood: pl.DataFrame) -> pl.DataFrame:
    """`business_date`, `target`, `said`: what each month's shares make of what stands now."""
    sums = earlier.group_by("business_date", "origin_place", "target").agg(pl.col("amount").sum())
    whole = pl.col("amount").sum().over("business_date", "origin_place")
    shares = sums.with_columns(
        share=pl.when(whole > 0).then(pl.col("amount") / whole).otherwise(0.0)
    )
    return (
        shares.join(stood, on="origin_place")
        .group_by("business_date", "target")
        .agg(said=(pl.col("share") * pl.col("stood")).sum())
    )
