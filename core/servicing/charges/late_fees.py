"""Late fees by policy, in the first close after their grace, after the day's money."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component, of_schedule
from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.servicing.charges.fee_amount import fee_amount
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax, place


def assess_late_fees(day: DayState) -> None:
    """Charge instalments with today - due date > grace that were not charged before.

    On the instalment's unpaid principal and interest, with floor and cap, as the law of the loan's
    place has it; never because of an earlier fee alone.
    """
    fees = day.policies.late_fees
    if not day.concerns(fees):
        return
    overdue = day.dues.filter(
        of_schedule()
        & ~pl.col("fee_assessed")
        & (pl.col("amount") > pl.col("paid"))
        & (pl.col("due_date") < BUSINESS_DATE)
    )
    if overdue.is_empty():
        return
    # what joined an instalment since is of one that bore its fee
    keys = ["loan_id", "instalment_no"]
    bore = day.dues.filter("fee_assessed").select(keys)
    overdue = overdue.join(bore, on=keys, how="anti", maintain_order="left")
    if overdue.is_empty():
        return
    claims = day.loans.filter(pl.col("status") == Status.active).select(
        "loan_id", "product", place(day.policies.places)
    )
    late = (
        overdue.join(claims, on="loan_id")
        .join(fees, on=["product", "place"])
        .filter(in_force_on(BUSINESS_DATE))
        .filter((BUSINESS_DATE - pl.col("due_date")).dt.total_days() > pl.col("fee_grace"))
    )
    if late.is_empty():
        return
    unpaid = late.group_by("loan_id", "instalment_no", maintain_order=True).agg(
        *(pl.col(c).first() for c in fees.columns if c != "product"),
        base=(pl.col("amount") - pl.col("paid")).sum(),
        due_date=pl.col("due_date").min(),
        business_date=BUSINESS_DATE.first(),
    )
    charged = unpaid.with_columns(fee=fee_amount(unpaid))
    marked = day.dues.join(
        charged.select(*keys, charged=pl.lit(True)), on=keys, how="left"
    ).with_columns(fee_assessed=pl.col("fee_assessed") | pl.col("charged").fill_null(False))
    billed = charged.filter(pl.col("fee") > 0)
    penalties = due_rows(billed, "instalment_no", Component.penalty, "due_date", "fee")
    penalties = penalties.with_columns(fee_assessed=pl.lit(True))
    day.dues = merge_dues(marked.select(day.dues.columns), penalties)
    per_loan = charged.group_by("loan_id").agg(pl.col("fee").sum())
    day.loans = (
        day.loans.join(per_loan, on="loan_id", how="left", maintain_order="left")
        .with_columns(**balances.grow_due(Component.penalty, pl.col("fee").fill_null(0)))
        .drop("fee")
    )
    day.book(per_loan, "penalties_receivable", "penalty_income", "fee")
    ask_tax(day, penalties.with_columns(base="amount"))
