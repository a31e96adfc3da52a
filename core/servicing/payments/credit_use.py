"""The borrower's credit as money: it meets what is due, and what a payout or a charge asks."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import (
    CreditUse,
    Kind,
)
from loanbook.core.frames import empty
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.cash_advances import paid_last
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.payments.allocations import Allocations, applied, stamped
from loanbook.core.servicing.payments.waterfall import (
    Allocated,
    allocate,
    met_in_order,
    money_rule,
    owed_now,
)


def use_credit(loans: pl.DataFrame, dues: pl.DataFrame, ranks: pl.DataFrame) -> Allocated:
    """The borrower's credit meets what is due, where the product uses it (`event_id` 0)."""
    holds = (pl.col("credit") > 0) & (pl.col("credit_use") != CreditUse.hold.value)
    money = _credit_as_money(loans.filter(holds), pl.lit(0, dtype=pl.Int64))
    lines = loans.filter(holds & pl.col("revolving"))["loan_id"]
    owed = owed_now(dues, lines).join(money, on="loan_id", how="semi")
    owed = owed.filter(pl.col("amount") > pl.col("paid"))
    if owed.is_empty():
        return Allocated(loans, dues, empty(Allocations))
    money = money.join(owed, on="loan_id", how="semi")
    holding = loans["loan_id"].is_in(money["loan_id"].implode())
    before = loans.filter(holding)
    paying = close_segment(before)
    met = met_in_order(money, owed, ranks)
    paying = applied(paying, met)
    paying = paid_last(paying) if lines.len() else paying
    spent = _less_credit(paying, met.group_by("loan_id").agg(pl.col("amount").sum()))
    return Allocated(
        replaced(loans, holding, before, spent),
        stamped(spent, dues, met),
        met.select(Allocations.column_names()),
    )


def use_credit_on(
    touched: pl.DataFrame, dues: pl.DataFrame, loans: pl.Series, policies: PolicyBook
) -> Allocated:
    """The borrower's credit pays what the `loans` owe, due or not, as money would (`event_id` 0),
    where the product uses it for payouts."""
    # a line's credit has paid for its draw already
    on_payouts = (pl.col("credit_use") == CreditUse.payouts.value) & ~pl.col("revolving")
    holds = (pl.col("credit") > 0) & on_payouts
    holders = touched.filter(holds & pl.col("loan_id").is_in(loans.implode()))
    if holders.is_empty():
        return Allocated(touched, dues, empty(Allocations))
    money = _credit_as_money(holders, -pl.col("loan_id"))
    done = allocate(touched, dues, money, policies)
    # what it does not meet came back to it
    spent = _less_credit(done.loans, money.select("loan_id", "amount"))
    met = done.allocations.filter(pl.col("component").is_not_null())
    return Allocated(spent, done.dues, met.with_columns(event_id=pl.lit(0, dtype=pl.Int64)))


def _credit_as_money(holders: pl.DataFrame, event: pl.Expr) -> pl.DataFrame:
    """The borrower's whole credit as money of the `event`, placed as a payment is."""
    rule = money_rule(pl.lit(Kind.payment_received.value))
    return holders.select("loan_id", event_id=event, amount="credit", rule=rule)


def _less_credit(paying: pl.DataFrame, spent: pl.DataFrame) -> pl.DataFrame:
    """Positions less the `amount` of credit that was `spent`: it was no receipt of today."""
    less = pl.col("amount").fill_null(0)
    return (
        paying.join(spent, on="loan_id", how="left", maintain_order="left")
        .with_columns(credit=pl.col("credit") - less, paid_today=pl.col("paid_today") - less)
        .select(paying.columns)
    )
