"""Prepayment fees by policy: what an early payoff costs."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.servicing.charges.fee_amount import fee_amount
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import place


def prepayment_fees(day: DayState, settled: pl.DataFrame) -> pl.DataFrame:
    """What early payoffs cost: `loan_id`, `event_id`, `amount` (Int64), above zero alone.

    `settled`: `loan_id`, `event_id`, `prepaid` (Int64): principal that was not due yet.
    """
    loans = day.loans.with_columns(place(day.policies.places))
    based = (
        settled.join(loans, on="loan_id", maintain_order="left")
        .join(day.policies.prepayment_fees, on=["product", "place"], maintain_order="left")
        .filter(
            in_force_on(BUSINESS_DATE)
            & (pl.col("instalment_no") <= pl.col("fee_within"))
            & (pl.col("instalment_no") <= pl.col("instalments"))
            & (pl.col("prepaid") > 0)
        )
        .with_columns(base=pl.when("fee_of_agreed").then("principal_agreed").otherwise("prepaid"))
    )
    if based.is_empty():
        return settled.select("loan_id", "event_id", amount="prepaid").clear()
    fees = based.select("loan_id", "event_id", amount=fee_amount(based))
    return fees.filter(pl.col("amount") > 0)
