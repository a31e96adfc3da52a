"""Money in: allocated to what is owed, and booked from the account that pays for its kind."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Excess, Timing
from loanbook.core.catalogue.components import LOSS, RECEIVABLE, Component, is_interest
from loanbook.core.catalogue.events import ROW
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.contract.schedule.stub_interest import kept_of_payout
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.interest.rebate import given_back, without_unearned
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.allocations import applied, recovers, stamped
from loanbook.core.servicing.payments.payoff_charges import demand_at_payoff, tax_on_interest
from loanbook.core.servicing.payments.recast import demand_on_due_date, lower_after_due_date, recast
from loanbook.core.servicing.payments.several import as_one, shared_out
from loanbook.core.servicing.payments.simple_interest import due_now
from loanbook.core.servicing.payments.waterfall import allocate, money_rule
from loanbook.core.servicing.schedule.coming_dues import show_down_payments_due


def receive(day: DayState, events: pl.DataFrame) -> None:
    """Money of one kind: allocated as the product has it for the kind, and booked. Several of a loan are
    such as may be poured at once (`several.poured_at_once`)."""
    kind = Kind(events["kind"][0])
    each = events.select(
        "loan_id",
        "event_id",
        "amount",
        *_designated(events, kind),
        rule=money_rule(pl.lit(kind.value)),
    )
    many = events["loan_id"].n_unique() < events.height
    money = as_one(each) if many else each
    off_books = day.charged_off()
    due_now(day, money)
    demanded = demand_at_payoff(day, money, kind)
    if kind is not Kind.interest_refunded:  # it gives interest back itself
        give_back_unearned(day, money)
    asked = demand_on_due_date(day, money)
    done = allocate(day.loans, day.dues, money, day.policies)
    day.loans, day.dues = done.loans, done.dues
    show_down_payments_due(day)
    met = shared_out(done.allocations, each) if many else done.allocations
    day.allocations.append(met)
    tax_on_interest(day, met, demanded, kind)
    row = ROW[kind]
    book_receipts(day, met, off_books, row.paid_by, undoes_loss=row.undoes_loss)
    lower_after_due_date(day, money, asked)
    recast(day, money, met)


def give_back_unearned(day: DayState, money: pl.DataFrame) -> None:
    """Interest that a payoff finds paid and not earned pays principal: it goes back to the borrower, whose
    credit it is, and from there to the balance."""
    back = given_back(day.loans, money)
    if back.is_empty():
        return
    day.loans = without_unearned(day.loans, back)
    whole = back.with_columns(whole=pl.col("to_principal") + pl.col("to_credit"))
    day.book(whole, "interest_accrued", "borrower_credit", "whole")
    day.book(back, "borrower_credit", "loan_principal", "to_principal")


DESIGNATIONS = {
    "principal_only": Excess.curtailment,
    "pay_ahead": Excess.next_instalment,
}
"""What the sender of a payment may ask for what is beyond its dues, and where it then goes."""


def _designated(events: pl.DataFrame, kind: Kind) -> list[pl.Series]:
    """`excess_of_event` (Int8) of payments that say where they go, if any does."""
    if kind is not Kind.payment_received or events["payload"].null_count() == events.height:
        return []
    told = with_payload(events, kind)["designation"]
    codes = {name: excess.value for name, excess in DESIGNATIONS.items()}
    return [told.replace_strict(codes, default=None, return_dtype=pl.Int8).alias("excess_of_event")]


def keep_of_payout(day: DayState, events: pl.DataFrame) -> None:
    """The stub's interest of loans that have it kept of the payout: it pays the first instalment's
    in advance. `events`: first payouts."""
    kept = kept_of_payout(day.loans).join(events.select("loan_id", "event_id"), on="loan_id")
    if kept.is_empty():
        return
    first = day.dues.filter((pl.col("instalment_no") == 1) & is_interest())
    lines = kept.join(first.select("loan_id", "due_date"), on="loan_id", how="left")
    allocations = lines.select(
        "loan_id", "event_id",
        instalment_no=pl.lit(1, dtype=pl.Int16),
        component=pl.lit(Component.interest.value, dtype=pl.Int8),
        timing=pl.lit(Timing.in_advance.value, dtype=pl.Int8),
        amount="kept", due_date="due_date",
    )  # fmt: skip
    paying = day.loans
    was = pl.Series("paid_today", paying["paid_today"])  # it is no receipt of the day
    day.loans = applied(paying, allocations).with_columns(was)
    day.dues = stamped(paying, day.dues, allocations, day.policies.calendars)
    done = allocations.drop("due_date")
    day.allocations.append(done)
    book_receipts(day, done, day.charged_off(), "payout_clearing")


def book_receipts(
    day: DayState,
    allocations: pl.DataFrame,
    charged_off: pl.Series,
    source: str,
    *,
    undoes_loss: bool = False,
) -> None:
    """Money against components; of a charged-off claim it is a recovery, memorandum mirrored, and so it
    is of one that was written off, which stands in memorandum no more.

    A refund of what was financed is none: it takes back the loss that was booked.
    """
    if allocations.is_empty():
        return
    off_books = allocations["loan_id"].is_in(charged_off.implode())
    recovered = off_books & allocations["component"].is_not_null()
    claims = allocations.filter(recovered)
    in_advance = is_interest() & (pl.col("timing") == Timing.in_advance)
    component = pl.col("component").replace_strict(
        RECEIVABLE, default=ROLE["borrower_credit"], return_dtype=pl.Int64
    )
    role = pl.when(in_advance).then(ROLE["interest_accrued"]).otherwise(component)
    given_up = allocations.select(recovers()).to_series()
    day.book(allocations.filter(~recovered & ~given_up), source, role, "amount")
    written_off = "write_off_expense" if undoes_loss else "recovery_income"
    day.book(allocations.filter(given_up), source, written_off, "amount")
    loss = pl.col("component").replace_strict(LOSS, return_dtype=pl.Int64)
    day.book(claims, source, loss if undoes_loss else "recovery_income", "amount")
    day.book(claims, "memo_contra", "memo_claim", "amount")
