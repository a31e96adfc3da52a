"""Kinds of event by the number that is stored, and what a row of their table says (`loanbook.core.catalogue.events`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

import polars as pl

from loanbook.core.catalogue.statuses import Status


class Kind(IntEnum):
    """Kinds of event by the number that is stored."""

    loan_boarded = 0
    disbursed = 1
    payment_received = 2
    charge_off = 3
    charge_assessed = 4
    goodwill_credit = 5
    merchant_refund = 6
    payout_refund = 7
    interest_waived = 8
    credit_refunded = 9
    chargeback = 10
    write_off = 11
    down_payment = 12
    reversal = 13
    rate_changed = 14
    term_extended = 15
    due_date_moved = 16
    reamortised = 17
    reaged = 18
    interest_paused = 19
    charge_waived = 20
    moratorium_granted = 21
    settlement_reached = 22
    delinquency_paused = 23
    delinquency_resumed = 24
    charge_adjusted = 25
    contract_accelerated = 26
    fee_capitalised = 27
    capitalised_fee_adjusted = 28
    rate_bought_down = 29
    buy_down_adjusted = 30
    flag_set = 31
    flag_cleared = 32
    refinanced = 33
    rate_reset = 34
    interest_capitalised = 35
    migrated_in = 36
    limit_changed = 37
    interest_refunded = 38
    reopened = 39
    boarding_withdrawn = 40
    mandate_created = 41
    mandate_amended = 42
    mandate_suspended = 43
    mandate_resumed = 44
    mandate_revoked = 45


class MoratoriumInterest(IntEnum):
    """What becomes of the interest of periods that a moratorium passes over."""

    none = 0  # not earned
    simple = 1  # earned, waits without bearing interest
    capitalised = 2  # joins the principal where it would have been billed


class Family(Enum):
    """What events have in common, whatever brought them; laws and orders read it."""

    start = "a loan enters the book"
    lent = "principal grows by what is lent"
    money_in = "money is allocated to what is owed"
    refund = "money in that gives back what was financed"
    charge = "a fee or penalty is asked, or not any more"
    paid_back = "money that had come in goes out again"
    change = "the contract changes: the schedule in force is closed and the next one opened"
    deferred = "income of the loan's life grows or shrinks"
    notice = "something becomes known or is allowed; no money moves, nor another schedule"
    charged_off = "off the books; the claim lives on"
    given_up = "the claim is extinguished"
    reversal = "another event is taken back"


class Deferral(IntEnum):
    """Income that is deferred: of each of them, no more is given back than came."""

    capitalised_fee = 1
    buy_down = 2


@dataclass(frozen=True)
class Field:
    """One thing that the payload of an event says, in JSON."""

    name: str
    type: type[pl.DataType]
    order: str = ""
    """Field of the order that it is taken from; empty: intake or another file gives it."""
    left_out: str | None = None
    """What it is where an order leaves it out."""
    since: bool = False
    """Came with a later release: an order that leaves it out says nothing of it, so that its payload is
    what it was before."""


@dataclass(frozen=True)
class Command:
    """A verb with which people order an event, with the fields of a command file that it takes."""

    verb: str
    needs: tuple[str, ...] = ()
    """Fields that it must have. Those that are neither here nor in `may` it must not have."""
    may: tuple[str, ...] = ()
    """Fields that it may have."""
    becomes: str = ""
    """What the guide says that it does."""
    sets: Mapping[str, str | bool] = field(default_factory=dict)
    """Fields of the payload that the verb itself says; a code by its name."""
    interest: tuple[str, ...] = ("",)
    """What its field `interest` may be; empty: left out."""


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """A kind of event: what it means, what it says, when it is taken and by whom ordered."""

    kind: Kind
    words: str
    family: Family
    step: int | None = None
    """Step of the day at which it is taken; none: no step of the day takes it."""
    handler: str = ""
    """`module:function` below `core/servicing` that takes such events of a day, one a loan; it
    gets the day (`DayState`) and the events. Named, not imported: the rooms are above this one."""
    payload: tuple[Field, ...] = ()
    payload_hashed: bool = False
    """Whether a second event of its key that says something else in its payload is another one."""
    commands: tuple[Command, ...] = ()
    states: frozenset[Status | None] | None = None
    """States of a loan in which it may be ordered (None among them: nothing is paid out yet);
    none: in any, since it happened outside or other rules bind it."""
    reversible: bool = True
    """Whether a reversal may take it back."""
    says: tuple[str, ...] = ()
    """How an explanation tells its payload: phrases, each with a field in braces; a phrase whose
    field is empty is left out."""
    paid_by: str = "payment_clearing"
    """Account that pays for money in."""
    undoes_loss: bool = False
    """Of money in for a claim off the books: it takes back the loss; other money recovers it."""
    defers: tuple[Deferral, int] | None = None
    """The deferred income that its amount moves, and the sign."""
    reopens: bool = False
    """Whether it brings an ended loan back into the book, as money that moves does."""
    concession: bool = True
    """Of changes: something that a lender grants, so that it may be forbearance."""
    payoff_costs: bool = False
    """Of money in: whether a payoff by it costs the borrower a prepayment fee."""
    alone: bool = False
    """Whether a product's approvals may let one person order it, below an amount."""
    spreads: bool = False
    """Whether it is about instalments to come: of a claim that is due as a whole it takes nothing."""
    rests: bool = False
    """Whether payments, interest or delinquency rest for a time: hardship relief while it runs."""
