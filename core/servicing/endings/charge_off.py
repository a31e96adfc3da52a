"""Charge-off, by order or by rule: off the books; the claim lives on in memorandum."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import AfterChargeOff, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.servicing.arrears.days_past_due import OFF_RULE, off_on, oldest_unpaid
from loanbook.core.servicing.changes.acceleration import accelerate
from loanbook.core.servicing.charges.penal_interest import ask_penal
from loanbook.core.servicing.endings.interest_at_charge_off import claim_in_full
from loanbook.core.servicing.endings.reopening import owing_again
from loanbook.core.servicing.income.deferred_income import offset_loss
from loanbook.core.servicing.loan import segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import claim
from loanbook.core.servicing.loan.posting import DayState


def charge_off(day: DayState, events: pl.DataFrame) -> None:
    """Off the books; the claim lives on in memorandum."""
    day.loans = owing_again(day.loans, events)
    claim_in_full(day, events)
    _mature(day, events.select("loan_id", "event_id"))
    day.loans, gone = _off_books(day.loans, events.select("loan_id", "event_id"))
    gone = gone.with_columns(claim=claim())
    for each in Component:
        for column, role in each.balances.items():
            day.book(gone, each.row.loss, role, column)
    day.book(gone, "memo_claim", "memo_contra", "claim")
    offset_loss(day, gone, "credit_loss")


def _mature(day: DayState, events: pl.DataFrame) -> None:
    """The contract ends with the charge-off where its product says so; charges to come wait for
    their day. A line of credit has no instalments to end."""
    ending = (
        (pl.col("status") == Status.active.value)
        & (pl.col("after_charge_off") == AfterChargeOff.accelerate_maturity.value)
        & ~pl.col("revolving")
    )
    ids = day.loans.filter(ending)["loan_id"]
    orders = events.filter(pl.col("loan_id").is_in(ids.implode()))
    if orders.height:
        accelerate(day, orders, charges=False)


def _off_books(loans: pl.DataFrame, events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take active loans off the books; the claim lives on, as the product's `after_charge_off`.

    `events`: `loan_id`, `event_id`. Returns positions and the charged-off loans with
    `event_id`, as they stood. A loan that is not active is left alone.
    """
    going = loans.filter(pl.col("status") == Status.active).join(events, on="loan_id")
    if going.is_empty():
        return loans, going
    mask = pl.col("loan_id").is_in(going["loan_id"].implode())
    stops = mask & (pl.col("after_charge_off") != AfterChargeOff.regular.value)
    frozen = loans.with_columns(
        status=pl.when(mask)
        .then(pl.lit(Status.charged_off.value, dtype=pl.Int8))
        .otherwise("status"),
        charged_off_on=pl.when(mask).then(BUSINESS_DATE).otherwise("charged_off_on"),
        period_interest=pl.when(stops).then(0).otherwise("period_interest"),
        **segment.end_earning(where=stops),
    )
    return frozen, going


def charge_off_by_rule(day: DayState) -> None:
    """Loans that are so late today that their product takes them off the books."""
    rules = day.policies.charge_offs
    if not day.concerns(rules):
        return
    active = day.loans.filter(pl.col("status") == Status.active.value)
    candidates = active.select("loan_id", "product", "business_date").join(rules, on="product")
    if candidates.is_empty():
        return
    fallen = day.dues.filter(pl.col("due_date") <= BUSINESS_DATE)
    oldest = oldest_unpaid(
        fallen, candidates.select("loan_id", "product"), day.policies.delinquency
    )
    late = candidates.join(oldest, on="loan_id").filter(
        off_on(pl.col("oldest"), *OFF_RULE) <= BUSINESS_DATE
    )
    if late.height:
        ask_penal(day, pl.col("loan_id").is_in(late["loan_id"].implode()))
        charge_off(day, late.select("loan_id", event_id=pl.lit(0, dtype=pl.Int64)).sort("loan_id"))
