"""A small credit that nobody asks for: refunded, the lender's income, or the state's, by policy.

Only of a loan that owes nothing (`overpaid`), once the credit did not change for so many months. A
chargeback or a refund that comes later reopens the loan, as it does of any closed one.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.contract.dates.due_dates import add_months
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState


def dated(loans: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """`loans` with `credit_unchanged_since` of credit that is not what it was `before` the day."""
    if (
        not loans.select((pl.col("credit") > 0) | pl.col("credit_unchanged_since").is_not_null())
        .to_series()
        .any()
    ):
        return loans
    was = before.select("loan_id", credit_was="credit")
    changed = pl.col("credit_unchanged_since").is_null() | (
        pl.col("credit") != pl.col("credit_was")
    )
    return (
        loans.join(was, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            credit_unchanged_since=pl.when(pl.col("credit") == 0)
            .then(None)
            .when(changed)
            .then(BUSINESS_DATE)
            .otherwise("credit_unchanged_since")
        )
        .drop("credit_was")
    )


def falls_on() -> pl.Expr:
    """The day on which a small credit is let go; reads `credit_unchanged_since` and `credit_months`."""
    since = pl.col("credit_unchanged_since")
    return add_months(since, pl.col("credit_months"), since.dt.day(), pl.lit(False))


def waiting(loans: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Loans whose credit the rule of their product (`PolicyBook.small_credits`) will let go."""
    overpaid = pl.col("status") == Status.overpaid.value
    overpaid_loans = loans.filter(overpaid & (pl.col("credit") > 0)).join(rules, on="product")
    return overpaid_loans.filter(pl.col("credit") <= pl.col("credit_up_to"))


def release_unclaimed(day: DayState) -> None:
    """Small credit whose time has come; its loan is closed."""
    rules = day.policies.small_credits
    if not day.concerns(rules):
        return
    due = waiting(day.loans, rules).filter(falls_on() <= BUSINESS_DATE)
    if due.is_empty():
        return
    day.book(due, "borrower_credit", pl.col("credit_becomes"), "credit")
    gone = pl.col("loan_id").is_in(due["loan_id"].implode())
    day.loans = day.loans.with_columns(
        credit=pl.when(gone).then(0).otherwise("credit"),
        credit_unchanged_since=pl.when(gone).then(None).otherwise("credit_unchanged_since"),
        status=pl.when(gone).then(pl.lit(Status.closed.value, dtype=pl.Int8)).otherwise("status"),
    )
