"""Arrears lifted: what is due and unpaid goes back to what is to come, where a change says so.

A re-age or re-amortisation asks nothing anew that was paid: a due keeps what was paid of it.
Fees and penalties stay due.
"""

from __future__ import annotations

import polars as pl

from core.ledger.codes import Component, InterestMode
from core.servicing.running import Running
from core.servicing.today import TODAY


def lift(day: Running, events: pl.DataFrame) -> pl.DataFrame:
    """Take principal and interest due to the day off the dues of the loans of `events`.

    The interest is interest earned and not billed again; it comes with the next instalment.
    Returns `loan_id`, `lifted_principal`, `lifted_interest` (Int64) of loans that had arrears.
    """
    unpaid = pl.col("amount") - pl.col("paid")
    due = (
        pl.col("loan_id").is_in(events["loan_id"].implode())
        & (pl.col("due_date") <= TODAY)
        & (pl.col("component") <= Component.interest.value)
        & (unpaid > 0)
    )
    lifted = (
        day.dues.filter(due)
        .group_by("loan_id")
        .agg(
            lifted_principal=unpaid.filter(pl.col("component") == Component.principal).sum(),
            lifted_interest=unpaid.filter(pl.col("component") == Component.interest).sum(),
        )
    )
    if lifted.is_empty():
        return lifted
    day.dues = day.dues.with_columns(amount=pl.when(due).then("paid").otherwise("amount"))
    interest = pl.col("lifted_interest")
    scheduled = pl.col("interest_mode") == InterestMode.scheduled
    day.touched = (
        with_lifted(day.touched, lifted)
        .with_columns(
            principal_due=pl.col("principal_due") - pl.col("lifted_principal"),
            interest_due=pl.col("interest_due") - interest,
            interest_accrued=pl.col("interest_accrued") + interest,
            accrual_whole=pl.col("accrual_whole") + interest,
            schedule_balance=pl.col("schedule_balance")
            + pl.when(scheduled).then("lifted_principal").otherwise(0),
            interest_carried=pl.col("interest_carried")
            + pl.when(scheduled).then(interest).otherwise(0),
        )
        .select(day.touched.columns)
    )
    told = lifted.join(events.select("loan_id", "event_id"), on="loan_id")
    day.book(told, "interest_accrued", "interest_due", "lifted_interest")
    return lifted


def with_lifted(loans: pl.DataFrame, lifted: pl.DataFrame) -> pl.DataFrame:
    """`loans` with what was lifted of theirs, or 0."""
    return loans.join(lifted, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("lifted_principal", "lifted_interest").fill_null(0)
    )
