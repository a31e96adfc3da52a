"""Cash flow of pools of level loans at given speeds of prepayment and default.

In closed form over the months, so that any number of pools is one pass. Source: The Bond Market Association, Uniform
Practices, chapter SF, Standard Formulas (1999), Cash Flow with Prepayments and Defaults.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.reporting.prepayment import scheduled_balance

_MONTH = pl.col("month")
_ORDER = ("pool", "month")


def cash_flow(pools: pl.DataFrame, speeds: pl.DataFrame) -> pl.DataFrame:
    """What each pool owes, pays, prepays and loses, month by month.

    `pools`, one row each: `pool`, `balance` (Float64, any unit), `wac` and `net_rate` (Float64, yearly shares),
    `term` (monthly instalments to come), `months_to_liquidation` (Int: from default to sale), `severity` (share
    of the balance at default that is lost), `advance` (Boolean: the servicer advances principal and interest, and
    a defaulted loan goes on amortising until it is sold).
    `speeds`: `pool`, `month` (Int, from 1 without a gap), `smm`, `mdr` (Float64). Nothing defaults in the last
    `months_to_liquidation` months.

    Returns `pool`, `month`, and in the unit of `balance`: `performing`, `in_foreclosure` (at the end of the month),
    `defaulted`, `prepaid`, `expected_principal` (what all loans that are left would amortise), of which
    `paid_principal` and `defaulted_principal`, `expected_interest`, `lost_interest`, `recovered`, `lost`.
    """
    flows = _scheduled(pools, speeds)
    flows = flows.with_columns(
        performing=pl.col("balance") * pl.col("stays").cum_prod().over("pool")
    ).with_columns(before=pl.col("performing").shift(1).over("pool").fill_null(pl.col("balance")))
    flows = flows.with_columns(
        defaulted=pl.col("before") * pl.col("mdr"),
        prepaid=pl.col("before") * (1 - pl.col("amortises")) * pl.col("smm"),
        paid_principal=pl.col("before") * (1 - pl.col("mdr")) * pl.col("amortises"),
    )
    return _in_foreclosure(flows).select(
        *_ORDER, "performing", "in_foreclosure", "defaulted", "prepaid",
        "expected_principal", "paid_principal", "defaulted_principal",
        "expected_interest", "lost_interest", "recovered", "lost",
    )  # fmt: skip


def _scheduled(pools: pl.DataFrame, speeds: pl.DataFrame) -> pl.DataFrame:
    """Each month with what its schedule amortises of the balance before it, and what stays performing."""
    joined = speeds.join(pools, on="pool", how="inner").sort(_ORDER)
    left = pl.col("term") - _MONTH
    owed = scheduled_balance(pl.col("wac"), pl.col("term"), left)
    owed_before = scheduled_balance(pl.col("wac"), pl.col("term"), left + 1)
    may_default = pl.col("term") - pl.col("months_to_liquidation") >= _MONTH
    rated = joined.filter(pl.col("term") >= _MONTH).with_columns(
        owed_before=owed_before,
        amortises=1 - owed / owed_before,
        mdr=pl.when(may_default).then("mdr").otherwise(0.0),
    )
    goes_on = (1 - pl.col("amortises")) * (1 - pl.col("mdr") - pl.col("smm"))
    return rated.with_columns(stays=goes_on.clip(lower_bound=0))


def _in_foreclosure(flows: pl.DataFrame) -> pl.DataFrame:
    """Loans in default between default and sale: each of the months' defaults at its balance of now."""
    sold = flows.select(
        "pool",
        month=_MONTH + pl.col("months_to_liquidation"),
        sold_default="defaulted",
        sold_owed="owed_before",
    )
    at = flows.join(sold, on=list(_ORDER), how="left", maintain_order="left").with_columns(
        pl.col("sold_default").fill_null(0.0)
    )
    share = pl.when("advance").then(pl.col("owed_before") / pl.col("sold_owed")).otherwise(1.0)
    at = at.with_columns(sold=(pl.col("sold_default") * share).fill_null(0.0))
    # what a default is worth per unit of the schedule's balance is the same in all its months
    unit = pl.when("advance").then("owed_before").otherwise(1.0)
    waiting = (pl.col("defaulted") / unit) - (
        pl.col("sold_default") / pl.when("advance").then("sold_owed").otherwise(1.0)
    ).fill_null(0.0)
    at = at.with_columns(waiting=waiting.cum_sum().over("pool"))
    amortises = pl.when("advance").then("amortises").otherwise(0.0)
    held = at.with_columns(
        in_foreclosure=(pl.col("waiting") * unit * (1 - amortises)).clip(lower_bound=0)
    )
    before = pl.col("in_foreclosure").shift(1).over("pool").fill_null(0.0)
    held = held.with_columns(foreclosed_before=before).with_columns(
        defaulted_principal=(pl.col("foreclosed_before") + pl.col("defaulted") - pl.col("sold"))
        .clip(lower_bound=0) * amortises,
        expected_interest=(pl.col("before") + pl.col("foreclosed_before")) * pl.col("net_rate") / 12,
        lost_interest=(pl.col("foreclosed_before") + pl.col("defaulted")) * pl.col("net_rate") / 12,
        lost=pl.min_horizontal(pl.col("sold_default") * pl.col("severity"), "sold"),
    )  # fmt: skip
    return held.with_columns(
        expected_principal=pl.col("paid_principal") + pl.col("defaulted_principal"),
        recovered=pl.col("sold") - pl.col("lost"),
    )
