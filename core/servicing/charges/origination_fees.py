"""Origination fees by policy: what a payout costs."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.schedule.cursor import CURSOR
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.servicing.charges.fee_amount import fee_amount
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE


def origination_fees(paying: pl.DataFrame, fees: pl.DataFrame) -> pl.DataFrame:
    """What payouts cost: `loan_id`, `event_id`, `fee` (Int64), `fee_deducted`, `fee_deferred`.

    Rows above zero alone.

    `paying`: terms and positions before the payout, with `business_date`, `event_id` and `payout`. `fees`:
    `PolicyBook.origination_fees`. A percentage of interest is of the schedule as agreed.
    """
    first = (pl.col("principal") == 0) & (pl.col("principal_paid") == 0)
    no = pl.lit(False)
    nothing = paying.select(
        "loan_id", "event_id", fee="payout", fee_deducted=no, fee_deferred=no
    ).clear()
    due = _due(paying, fees, first)
    if due.is_empty():
        return nothing
    due = due.with_columns(borne=pl.lit(0, dtype=pl.Int64))
    of_interest = due.filter("fee_of_interest")
    if of_interest.height:
        rows = expand(of_interest.drop(CURSOR)).group_by("loan_id").agg(pl.col("interest").sum())
        due = due.join(rows, on="loan_id", how="left", maintain_order="left").with_columns(
            borne=pl.col("interest").fill_null(0)
        )
    return _charged(due).filter(pl.col("fee") > 0).select(nothing.columns)


def kept_of_payouts(paying: pl.DataFrame, fees: pl.DataFrame, first: pl.Expr) -> pl.DataFrame:
    """`paying` with `fee` (Int64), of payouts of which a fee is kept, as `origination_fees` works it out
    but for what it is of the interest of a schedule, which orders do not know: a trial lives that.

    `paying`: `product`, `business_date` and `payout`; `first`: whether nothing was paid out before.
    """
    due = _due(paying, fees, first).filter("fee_deducted")
    if due.is_empty():
        return due.with_columns(fee=pl.lit(0, dtype=pl.Int64))
    return _charged(due.with_columns(borne=pl.lit(0, dtype=pl.Int64)))


def _due(paying: pl.DataFrame, fees: pl.DataFrame, first: pl.Expr) -> pl.DataFrame:
    """Payouts that cost a fee, with its terms: on the first one, or on each."""
    return paying.join(fees, on="product").filter(
        in_force_on(BUSINESS_DATE) & (first | pl.col("fee_each"))
    )


def _charged(due: pl.DataFrame) -> pl.DataFrame:
    """`due` with `fee` (Int64): of the payout, of the interest that is `borne`, or of both."""
    based = due.with_columns(
        base=pl.when("fee_of_payout").then("payout").otherwise(0)
        + pl.when("fee_of_interest").then("borne").otherwise(0)
    )
    return based.with_columns(fee=fee_amount(based))
