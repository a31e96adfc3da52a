"""Allocation: one payment a loan at a time meets dues in the order of its waterfall.

Money first meets past due and due components; what is left pays the loan off, stands with the next
instalments or lowers the principal, as the product says; with nothing outstanding it is the
borrower's credit.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import KINDS_A_PRODUCT, CreditUse, Kind, Timing
from loanbook.core.frames import empty, neighbours_summed
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.cash_advances import paid_first, paid_last
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import on_own_date
from loanbook.core.servicing.payments.allocations import (
    Allocations,
    applied,
    becomes_credit,
    of_written_off,
    poured,
    stamped,
)
from loanbook.core.servicing.payments.excess.placement import place_excess


@dataclass(frozen=True)
class Allocated:
    """The state after a round of payments, and what it did."""

    loans: pl.DataFrame
    dues: pl.DataFrame
    allocations: pl.DataFrame


def money_rule(kind: pl.Expr) -> pl.Expr:
    """Code of how a product allocates a kind of money; reads `product`."""
    return pl.col("product").cast(pl.Int32) * KINDS_A_PRODUCT + kind.cast(pl.Int32)


def allocate(
    loans: pl.DataFrame,
    dues: pl.DataFrame,
    money: pl.DataFrame,
    policies: PolicyBook,
) -> Allocated:
    """Allocate one payment a loan at most, valued today.

    `money`: `loan_id`, `event_id`, `amount`, `rule` (code of product and kind of money).
    Returns positions and dues after the money, and the allocations.
    """
    ranks = policies.waterfall_ranks
    paid = loans["loan_id"].is_in(money["loan_id"].implode())
    before = loans.filter(paid)
    paying = close_segment(before).with_columns(owed_before="principal")
    lines = paying.filter("revolving")["loan_id"]
    owed = owed_now(dues, lines)
    on_dues = met_in_order(money, owed, ranks)
    on_dues = pl.concat([of_written_off(paying, money), on_dues])
    left = _left(money, on_dues)
    paying = applied(paying, on_dues)
    if lines.len():
        paying = paid_last(paying)
    after_dues = paying["principal"]
    to_come = dues.filter(~pl.col("loan_id").is_in(lines.implode())) if lines.len() else dues
    further = place_excess(paying, to_come, left, policies)
    paying = applied(paying, further)
    if lines.len():
        paying = paid_first(paying, after_dues - paying["principal"])
    placed = pl.concat([on_dues, further])
    dues = stamped(paying, dues, placed, policies.calendars)
    allocations = placed.select(Allocations.column_names())
    after = paying.drop("owed_before")
    return Allocated(replaced(loans, paid, before, after), dues, allocations)


def owed_now(dues: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """Dues that money meets: those that fell due, and of lines of credit all that were billed."""
    fallen = pl.col("due_date") <= BUSINESS_DATE
    return dues.filter(fallen | pl.col("loan_id").is_in(lines.implode()) if lines.len() else fallen)


def _left(money: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """`money` with `amount` less what is allocated of it; rows with nothing left are gone.

    A loan's allocations stand together, and are of one event.
    """
    used = neighbours_summed(allocations.select("event_id", used="amount"), "event_id", ["used"])
    return (
        money.join(used, on="event_id", how="left")
        .with_columns(amount=pl.col("amount") - pl.col("used").fill_null(0))
        .filter(pl.col("amount") > 0)
        .drop("used")
    )


def met_in_order(
    money: pl.DataFrame,
    owed: pl.DataFrame,
    ranks: pl.DataFrame,
) -> pl.DataFrame:
    """Money against dues in waterfall order: horizontal by instalment, or vertical by step."""
    timing = pl.when(pl.col("due_date") < BUSINESS_DATE).then(Timing.past_due.value)
    lines = (
        owed.filter(pl.col("amount") > pl.col("paid"))
        .join(money.rename({"amount": "money"}), on="loan_id")
        .with_columns(timing=timing.otherwise(Timing.due.value).cast(pl.Int8))
        .join(ranks, on=["rule", "timing", "component"])
    )
    by_step = pl.when(pl.col("vertical")).then(pl.col("rank")).otherwise(pl.col("block"))
    # down payments are numbered below zero, downwards
    down = (pl.col("instalment_no") < 0) != pl.col("share_first")
    nth = pl.col("instalment_no").abs()
    if lines.select(on_own_date().any()).item():  # a charge of its own date is its instalment's
        of_day = pl.when(~on_own_date()).then(nth).min().over("loan_id", "due_date")
        nth = pl.when(on_own_date()).then(pl.coalesce(of_day, nth)).otherwise(nth)
    lines = lines.with_columns(step=by_step).sort("loan_id", "step", "due_date", down, nth, "rank")
    return poured(lines, pl.col("amount") - pl.col("paid"))


def use_credit(loans: pl.DataFrame, dues: pl.DataFrame, policies: PolicyBook) -> Allocated:
    """The borrower's credit meets what is due, where the product uses it (`event_id` 0)."""
    if not (loans["credit"] > 0).any():
        return Allocated(loans, dues, empty(Allocations))
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
    met = met_in_order(money, owed, policies.waterfall_ranks)
    paying = applied(paying, met)
    paying = paid_last(paying) if lines.len() else paying
    spent = _less_credit(paying, met.group_by("loan_id").agg(pl.col("amount").sum()))
    return Allocated(
        replaced(loans, holding, before, spent),
        stamped(spent, dues, met, policies.calendars),
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
    met = done.allocations.filter(~becomes_credit())
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
