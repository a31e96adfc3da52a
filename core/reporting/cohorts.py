"""Cohorts by months on book: cumulative curves of loans that were made together, and the triangle of them.

Months on book (MOB) = 12 (year - year of origination) + month - month of origination. A cohort of several months holds
loans of several ages: at each MOB only loans that are old enough stand in numerator and denominator, and a rate is
`complete` where that is all of them. With such a denominator a cumulative rate can fall as the mix changes; of a cohort
of one month it never does.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.frames import largest
from loanbook.core.reporting.metrics import Metric

STOPS_BELOW = 0.1
"""A curve ends where fewer than this share of its base is old enough."""


@dataclass(frozen=True)
class Measure:
    """A cumulative measure of outcomes: on which day it befalls a loan, and what it then counts."""

    metric: Metric
    on: str
    """SQL of the day over a row of `outcomes` (`o`); null: it did not befall it."""
    amount: str
    """SQL of the amount on that day; a count is 1."""
    born_here: bool = True
    """Loans taken over in mid-life are left out: what befell them before is not known."""


def _metric(name: str, title: str, numerator: str, charged_off: str = "stay in both") -> Metric:
    return Metric(name, title, numerator, "amount originated of the same loans", "per cent", charged_off)  # fmt: skip


def _ever(days: int) -> Measure:
    metric = _metric(
        f"ever_{days}", f"Ever {days}+", "Amount originated of loans that were once "
        f"{days} or more days past due by the month on book"
    )  # fmt: skip
    return Measure(metric, f"o.first_{days}_on", "o.amount")


_DEFAULT_ON = "least(o.charged_off_on, o.first_90_on)"
MEASURES = {
    **{f"ever_{days}": _ever(days) for days in (30, 60, 90)},
    "default": Measure(
        _metric("default", "Gross default", "Principal at default (first of charge-off or 90 days "
                "past due), once a loan"),
        _DEFAULT_ON,
        "CASE WHEN o.first_90_on IS NULL OR o.charged_off_on <= o.first_90_on "
        "THEN o.principal_charged_off ELSE o.principal_90 END",
    ),
    "charge_off": Measure(
        _metric("charge_off", "Gross charge-off", "Principal at charge-off"),
        "o.charged_off_on", "o.principal_charged_off",
    ),
    "net_loss": Measure(
        _metric("net_loss", "Net loss", "Principal at charge-off, less what was recovered since"),
        "o.charged_off_on", "o.principal_charged_off",
    ),
    "prepaid": Measure(
        _metric("prepaid", "Paid off ahead", "Amount originated of loans that were paid in full before "
                "the last month of their term"),
        "CASE WHEN o.close_reason = 'paid in full' AND o.closed_on < o.matures THEN o.closed_on END",
        "o.amount", born_here=False,
    ),
}  # fmt: skip
"""Cumulative measures by name. By count, loans stand in place of amounts."""
CURRENT = {
    days: Metric(
        f"current_{days}", f"Now {days}+", f"Principal of loans {days} or more days past due at the month end",
        "principal of all live loans of the cohort", "per cent", "left out of both",
    )
    for days in (30, 60, 90)
}  # fmt: skip
METRICS = (*(each.metric for each in MEASURES.values()), *CURRENT.values())


def last_month_end(as_of: dt.date) -> dt.date:
    """The last month end that is not after a date: a month counts once it is over."""
    following = as_of + dt.timedelta(days=1)
    return as_of if following.day == 1 else as_of.replace(day=1) - dt.timedelta(days=1)


def curves(loans: pl.DataFrame, happened: pl.DataFrame) -> pl.DataFrame:
    """Cumulative rates: `cohort`, `mob`, `base`, `amount`, `rate`, `whole` (base of all loans), `complete`.

    `loans`: `cohort`, `age` (Int: full months on book), `base` (what is divided by). `happened`: `cohort`, `age`, `mob`
    (of the event), `amount`. Any number of rows a key. A curve has every month to its oldest loans' age, and stops
    where less than `STOPS_BELOW` of its base is old enough.
    """
    ages = (
        loans.filter(pl.col("age") >= 0)
        .group_by("cohort", "age")
        .agg(pl.col("base").cast(pl.Int64).sum())
    )
    if ages.is_empty():
        return pl.DataFrame(schema=_CURVES)
    months = pl.DataFrame({"mob": range(largest(ages["age"]) + 1)}, schema={"mob": pl.Int32})
    whole = ages.group_by("cohort").agg(whole=pl.col("base").sum(), youngest=pl.col("age").min())
    grid = (
        ages.join(months, how="cross")
        .filter(pl.col("age") >= pl.col("mob"))
        .group_by("cohort", "mob")
        .agg(pl.col("base").sum())
    )
    events = (
        happened.join(months.rename({"mob": "upto"}), how="cross")
        .filter((pl.col("age") >= pl.col("upto")) & (pl.col("mob") <= pl.col("upto")))
        .group_by("cohort", pl.col("upto").alias("mob"))
        .agg(pl.col("amount").cast(pl.Int64).sum())
    )
    return (
        grid.join(events, on=["cohort", "mob"], how="left")
        .join(whole, on="cohort")
        .with_columns(pl.col("amount").fill_null(0), complete=pl.col("mob") <= pl.col("youngest"))
        .filter((pl.col("base") > 0) & (pl.col("base") >= STOPS_BELOW * pl.col("whole")))
        .with_columns(rate=pl.col("amount") / pl.col("base"))
        .select(_CURVES.keys())
        .sort("cohort", "mob")
    )


_CURVES = {
    "cohort": pl.String, "mob": pl.Int32, "base": pl.Int64, "amount": pl.Int64, "rate": pl.Float64,
    "whole": pl.Int64, "complete": pl.Boolean,
}  # fmt: skip


def balances_by_age(rows: pl.DataFrame) -> pl.DataFrame:
    """Shares of a moment: `cohort`, `mob`, `base`, `amount`, `rate`, `whole`, `complete`, as `curves`.

    `rows`: `cohort`, `month` (Date, month of origination), `mob`, `base` (live principal), `amount` (of it late). A
    month on book is complete where every month of the cohort has reached it.
    """
    reached = rows.group_by("cohort", "month").agg(last=pl.col("mob").max())
    youngest = reached.group_by("cohort").agg(youngest=pl.col("last").min())
    sums = rows.group_by("cohort", "mob").agg(pl.col("base", "amount").cast(pl.Int64).sum())
    return (
        sums.join(youngest, on="cohort")
        .filter(pl.col("base") > 0)
        .with_columns(
            rate=pl.col("amount") / pl.col("base"),
            whole=pl.col("base"),
            complete=pl.col("mob") <= pl.col("youngest"),
        )
        .select(_CURVES.keys())
        .cast({"cohort": pl.String, "mob": pl.Int32})
        .sort("cohort", "mob")
    )


def triangle(rates: pl.DataFrame) -> pl.DataFrame:
    """`cohort`, `whole`, and a column a month on book with the rate; null: not known yet."""
    sizes = rates.group_by("cohort", maintain_order=True).agg(pl.col("whole").first())
    wide = rates.pivot("mob", index="cohort", values="rate", aggregate_function="first")
    months = sorted((name for name in wide.columns if name != "cohort"), key=int)
    return sizes.join(wide, on="cohort", how="left", maintain_order="left").select(
        "cohort", "whole", *months
    )
