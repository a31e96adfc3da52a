"""Counts and amounts of a window beyond what was usual in the windows before it, of each user and each product.

Usual is the median of the windows before, zeros among them; the spread is 1.4826 times the median distance from it
(Iglewicz and Hoaglin 1993), which a few wild windows don't move. A count's spread is never less than that of a Poisson
count of the median's size, nor than 1; an amount's never less than one usual act. So few acts make no alert.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.risk.alerts import History

ACTS = pl.Schema({
    "check": pl.String, "rule": pl.String, "event_id": pl.Int64, "loan_key": pl.String, "on": pl.Date, "amount": pl.Int64,
    "currency": pl.String, "user": pl.String, "product": pl.String, "reference": pl.String, "detail": pl.String,
})  # fmt: skip
"""An act: `rule` is what it is counted as; `user` is null where no person did it; `amount` in minor units, null: none."""
FINDINGS = pl.Schema({
    "check": pl.String, "rule": pl.String, "measure": pl.String, "dimension": pl.String, "of": pl.String, "value": pl.Int64,
    "typical": pl.Float64, "limit": pl.Float64, "currency": pl.String, "why": pl.String,
})  # fmt: skip
"""A row an alert. `measure`: count, amount (minor units) or days; `dimension`: what `of` names, as user, product, account."""
EVIDENCE = pl.Schema({
    "check": pl.String, "rule": pl.String, "dimension": pl.String, "of": pl.String, "loan_key": pl.String, "event_id": pl.Int64,
    "reference": pl.String, "on": pl.Date, "amount": pl.Int64, "currency": pl.String, "by": pl.String, "detail": pl.String,
})  # fmt: skip
"""Rows that an alert is made of."""
SPREAD_OF_NORMAL = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal distribution."""
_SERIES = ["check", "rule", "dimension", "of"]


def unusual(
    acts: pl.DataFrame, rules: History, first: dt.date, on: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`FINDINGS` and `EVIDENCE` among `ACTS` from `first`, the ledger's first date, to `on`."""
    whole = min(((on - first).days + 1) // rules.window_days - 1, rules.windows)
    if whole < rules.least_windows:
        return pl.DataFrame(schema=FINDINGS), pl.DataFrame(schema=EVIDENCE)
    window = (pl.lit(on) - pl.col("on")).dt.total_days() // rules.window_days
    dated = acts.with_columns(window=window.cast(pl.Int64)).filter(
        pl.col("window").is_between(0, whole)
    )
    series = pl.concat(
        dated.with_columns(dimension=pl.lit(name), of=name).drop_nulls("of") for name in ("user", "product")
    )  # fmt: skip
    found = pl.concat([_counts(series, rules, whole), _amounts(series, rules, whole)])
    now = series.filter(pl.col("window") == 0).with_columns(by="user")
    rows = now.join(found.select(_SERIES).unique(), on=_SERIES, how="semi")
    return found, rows.select(EVIDENCE.names()).cast(EVIDENCE).sort(*_SERIES, "on", "event_id")


def _by_window(series: pl.DataFrame, keys: list[str], value: pl.Expr, whole: int) -> pl.DataFrame:
    """What each series has in the last window (`value`, `acts`), and what was usual: `typical`, `distance`."""
    summed = series.group_by(*keys, "window").agg(value=value, acts=pl.len().cast(pl.Int64))
    grid = summed.select(keys).unique().join(
        pl.DataFrame({"window": range(whole + 1)}, schema={"window": pl.Int64}), how="cross"
    )  # fmt: skip
    filled = grid.join(summed, on=[*keys, "window"], how="left", nulls_equal=True).with_columns(
        pl.col("value", "acts").fill_null(0)
    )
    before, now = filled.filter(pl.col("window") > 0), filled.filter(pl.col("window") == 0)
    usual = before.group_by(keys).agg(
        typical=pl.col("value").median().cast(pl.Float64),
        usual_acts=pl.col("acts").median().cast(pl.Float64),
        distance=(pl.col("value") - pl.col("value").median()).abs().median().cast(pl.Float64),
    )
    return now.join(usual, on=keys, nulls_equal=True)


def _counts(series: pl.DataFrame, rules: History, whole: int) -> pl.DataFrame:
    seen = _by_window(series, _SERIES, pl.len().cast(pl.Int64), whole)
    spread = pl.max_horizontal(
        SPREAD_OF_NORMAL * pl.col("distance"), pl.col("typical").sqrt(), pl.lit(1.0)
    )
    seen = seen.with_columns(limit=pl.col("typical") + rules.spreads * spread)
    beyond = seen.filter(
        (pl.col("value") > pl.col("limit")) & (pl.col("value") >= rules.least_count)
    )
    why = pl.format(
        "{} of {} {} in {} days; the median of {} such spans before is {}", "value", "dimension", "of",
        pl.lit(rules.window_days), pl.lit(whole), pl.col("typical").round(1),
    )  # fmt: skip
    return _found(beyond, "count", pl.lit(None, pl.String), why)


def _amounts(series: pl.DataFrame, rules: History, whole: int) -> pl.DataFrame:
    paid = series.filter(pl.col("amount") > 0)
    keys = [*_SERIES, "currency"]
    seen = _by_window(paid, keys, pl.col("amount").sum(), whole)
    one = paid.filter(pl.col("window") > 0).unique(["check", "rule", "event_id", "reference"]).group_by("check", "rule", "currency").agg(
        one=pl.col("amount").median().cast(pl.Float64)
    )  # fmt: skip
    seen = seen.join(one, on=["check", "rule", "currency"], nulls_equal=True)
    usual_acts = pl.max_horizontal(pl.col("usual_acts").sqrt(), pl.lit(1.0))
    spread = pl.max_horizontal(SPREAD_OF_NORMAL * pl.col("distance"), pl.col("one") * usual_acts)
    seen = seen.with_columns(limit=pl.col("typical") + rules.spreads * spread)
    beyond = seen.filter(
        (pl.col("value") > pl.col("limit")) & (pl.col("acts") >= rules.least_count_of_amount)
    )
    why = pl.format(
        "{} acts of {} {} come to {} minor units of {} in {} days; the median of {} such spans before is {}, one is usually {}",
        "acts", "dimension", "of", "value", "currency", pl.lit(rules.window_days), pl.lit(whole),
        pl.col("typical").round(0).cast(pl.Int64), pl.col("one").round(0).cast(pl.Int64),
    )  # fmt: skip
    return _found(beyond, "amount", pl.col("currency"), why)


def _found(rows: pl.DataFrame, measure: str, currency: pl.Expr, why: pl.Expr) -> pl.DataFrame:
    shown = rows.with_columns(measure=pl.lit(measure), currency=currency, why=why)
    return shown.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items()).sort(_SERIES)
