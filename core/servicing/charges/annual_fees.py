"""Annual fees by policy, on the anniversary of the payout."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import add_months
from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.servicing.charges.fee_amount import fee_amount
from loanbook.core.servicing.charges.ordered import assess
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import place


def next_anniversary(date: pl.Expr) -> pl.Expr:
    """The first anniversary of the payout after `business_date`; reads `disbursed_on`."""
    start = pl.col("disbursed_on")
    years = (date.dt.year() - start.dt.year()).cast(pl.Int32).clip(lower_bound=1)

    def after(n: pl.Expr) -> pl.Expr:
        return add_months(start, n * 12, start.dt.day(), pl.lit(False))

    return pl.when(after(years) > date).then(after(years)).otherwise(after(years + 1))


def is_anniversary() -> pl.Expr:
    """Loans whose payout has an anniversary today."""
    return next_anniversary(BUSINESS_DATE - pl.duration(days=1)) == BUSINESS_DATE


def assess_annual_fees(day: DayState) -> None:
    """Charge living loans on the anniversaries of their payout, with the next instalment."""
    fees = day.policies.annual_fees
    if not day.concerns(fees):
        return
    living = pl.col("status") == Status.active.value
    charged = pl.col("product").is_in(fees["product"].unique().implode())
    loans = day.loans.filter(living & charged).filter(is_anniversary())
    due = loans.with_columns(place(day.policies.places)).join(fees, on=["product", "place"])
    due = due.filter(in_force_on(BUSINESS_DATE))
    if due.is_empty():
        return
    of = pl.when("fee_of_agreed").then("principal_agreed").otherwise("principal")
    based = due.with_columns(base=of)
    charges = based.select(
        "loan_id",
        event_id=pl.lit(0, dtype=pl.Int64),
        amount=fee_amount(based),
        component=pl.lit(Component.fee.value, dtype=pl.Int8),
        due_date=BUSINESS_DATE,
    )
    assess(day, charges.filter(pl.col("amount") > 0).sort("loan_id"))
