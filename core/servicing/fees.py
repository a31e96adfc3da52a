"""Fees by policy: late fees, in the first close after their grace, after the day's money; and
origination fees, at the payout."""

from __future__ import annotations

import polars as pl

from core.contract.money import PPB, Rounding, by_code, int128, rounded_quotient
from core.contract.schedule import CURSOR, expand
from core.ledger.codes import Component, Status
from core.servicing.book import due_rows, merge_dues
from core.servicing.today import TODAY


def assess_late_fees(
    touched: pl.DataFrame, dues: pl.DataFrame, fees: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Charge instalments with today - due date > grace that were not charged before.

    On the instalment's unpaid principal and interest, with floor and cap; never because of
    an earlier fee alone. Returns positions, dues and `loan_id`, `fee` (Int64).
    """
    claims = touched.filter(pl.col("status") == Status.active).select("loan_id", "product")
    late = (
        dues.filter(
            (pl.col("component") <= Component.interest.value)
            & ~pl.col("fee_assessed")
            & (pl.col("amount") > pl.col("paid"))
            & (pl.col("due_date") < TODAY)
        )
        .join(claims, on="loan_id")
        .join(fees, on="product")
        .filter((TODAY - pl.col("due_date")).dt.total_days() > pl.col("fee_grace"))
    )
    if late.is_empty():
        return touched, dues, touched.select("loan_id", fee="principal").clear()
    unpaid = late.group_by("loan_id", "instalment_no", maintain_order=True).agg(
        *(pl.col(c).first() for c in fees.columns if c != "product"),
        base=(pl.col("amount") - pl.col("paid")).sum(),
        due_date=pl.col("due_date").first(),
        today=TODAY.first(),
    )
    charged = unpaid.with_columns(
        fee=pl.min_horizontal(pl.max_horizontal(_share(unpaid), "fee_min"), "fee_max")
    )
    keys = ["loan_id", "instalment_no"]
    marked = dues.join(charged.select(*keys, hit=pl.lit(True)), on=keys, how="left").with_columns(
        fee_assessed=pl.col("fee_assessed") | pl.col("hit").fill_null(False)
    )
    asked = charged.filter(pl.col("fee") > 0)
    penalties = due_rows(asked, "instalment_no", Component.penalty, "due_date", "fee")
    penalties = penalties.with_columns(fee_assessed=pl.lit(True))
    per_loan = charged.group_by("loan_id").agg(pl.col("fee").sum())
    grown = (
        touched.join(per_loan, on="loan_id", how="left", maintain_order="left")
        .with_columns(penalties_due=pl.col("penalties_due") + pl.col("fee").fill_null(0))
        .select(touched.columns)
    )
    return grown, merge_dues(marked.select(dues.columns), penalties), per_loan


def _share(asked: pl.DataFrame) -> pl.Expr:
    """`fee_ppb` of `base`, rounded once as `fee_rounding` says."""
    return by_code(
        pl.col("fee_rounding"),
        frozenset(asked["fee_rounding"].unique().to_list()),
        Rounding,
        lambda mode: rounded_quotient(
            int128(pl.col("base")) * int128(pl.col("fee_ppb")), int128(PPB), mode
        ),
    )


def origination_fees(paying: pl.DataFrame, fees: pl.DataFrame) -> pl.DataFrame:
    """What payouts cost: `loan_id`, `event_id`, `fee` (Int64), `fee_deducted`, `fee_deferred`.

    Rows above zero alone.

    `paying`: terms and positions before the payout, with `event_id` and `payout`. `fees`:
    `PolicyBook.origination_fees`. A percentage of interest is of the schedule as agreed.
    """
    first = (pl.col("principal") == 0) & (pl.col("principal_paid") == 0)
    asked = paying.join(fees, on="product").filter(first | pl.col("fee_each"))
    no = pl.lit(False)
    nothing = paying.select(
        "loan_id", "event_id", fee="payout", fee_deducted=no, fee_deferred=no
    ).clear()
    if asked.is_empty():
        return nothing
    asked = asked.with_columns(borne=pl.lit(0, dtype=pl.Int64))
    of_interest = asked.filter("fee_of_interest")
    if of_interest.height:
        rows = expand(of_interest.drop(CURSOR)).group_by("loan_id").agg(pl.col("interest").sum())
        asked = asked.join(rows, on="loan_id", how="left", maintain_order="left").with_columns(
            borne=pl.col("interest").fill_null(0)
        )
    based = asked.with_columns(
        base=pl.when("fee_of_payout").then("payout").otherwise(0)
        + pl.when("fee_of_interest").then("borne").otherwise(0)
    )
    charge = _share(based) + pl.col("fee_flat")
    bounded = pl.min_horizontal(pl.max_horizontal(charge, "fee_min"), "fee_max")
    return based.with_columns(fee=bounded).filter(pl.col("fee") > 0).select(nothing.columns)
