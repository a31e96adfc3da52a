"""Whether points still fit: how they rank, whether those who apply have changed, and what became of each band."""

from __future__ import annotations

import math

import polars as pl


def rank_correlation(one: pl.Series, other: pl.Series) -> float:
    """Spearman's rho of two columns of numbers, ties at their mean rank; rows with a null are left out."""
    both = pl.DataFrame({"one": one, "other": other}).drop_nulls()
    return float(both.select(pl.corr("one", "other", method="spearman")).item())


def stability(before: pl.Series, now: pl.Series, edges: list[int]) -> tuple[float, pl.DataFrame]:
    """Population stability index of two samples of points over bands between `edges`, and the bands (`band`,
    `before`, `now`: shares; `index`).

    Sum of (now − before) · ln(now / before). Below 0.1 is held to be stable, above 0.25 to have shifted (Siddiqi, Credit
    Risk Scorecards). A band without anyone counts half a person, so that the index stays finite.
    """

    def shares(points: pl.Series) -> pl.DataFrame:
        band = pl.lit(0)
        for edge in edges:
            band = band + (pl.col("points") >= edge).cast(pl.Int32)
        counted = points.drop_nulls().to_frame("points").group_by(band=band).len("count")
        every = pl.DataFrame({"band": range(len(edges) + 1)}, schema={"band": pl.Int32})
        filled = every.join(counted, on="band", how="left").with_columns(
            pl.col("count").fill_null(0)
        )
        return filled.select(
            "band", share=pl.max_horizontal(pl.col("count"), pl.lit(0.5)) / max(points.len(), 1)
        )

    both = shares(before).rename({"share": "before"}).join(
        shares(now).rename({"share": "now"}), on="band"
    ).with_columns(index=(pl.col("now") - pl.col("before")) * (pl.col("now") / pl.col("before")).log())  # fmt: skip
    return float(both["index"].sum()), both.sort("band")


def separation(points: pl.Series, bad: pl.Series) -> float:
    """Share of pairs of a good and a bad loan in which the good one has more points, ties half (area under the ROC
    curve); not a number where there are none of one kind."""
    both = pl.DataFrame({"points": points, "bad": bad}).drop_nulls()
    bad_count = int(both["bad"].sum())
    good_count = both.height - bad_count
    if not bad_count or not good_count:
        return math.nan
    ranks = both.with_columns(rank=pl.col("points").rank("average"))
    good = float(ranks.filter(~pl.col("bad")).select(pl.col("rank").sum()).item())
    return (good - good_count * (good_count + 1) / 2) / (good_count * bad_count)


def calibration(band: pl.Series, bad: pl.Series) -> pl.DataFrame:
    """`band`, `loans`, `bad`, `rate`, and `low`, `high`: the 95 % interval of the rate (Wilson), by band."""
    z = 1.959964
    n, k = pl.col("loans"), pl.col("bad")
    share, spread = k / n, z * ((k / n) * (1 - k / n) / n + z**2 / (4 * n**2)).sqrt()
    middle, under = share + z**2 / (2 * n), 1 + z**2 / n
    return (
        pl.DataFrame({"band": band, "bad": bad}).drop_nulls().group_by("band")
        .agg(loans=pl.len(), bad=pl.col("bad").sum())
        .sort("band")
        .with_columns(rate=share, low=(middle - spread) / under, high=(middle + spread) / under)
    )  # fmt: skip
