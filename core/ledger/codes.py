"""Small-integer codes of everything stored. Append only: a number never changes its meaning."""

from __future__ import annotations

from enum import IntEnum

import polars as pl


class Component(IntEnum):
    """What a due is made of."""

    principal = 0
    interest = 1
    fee = 2
    penalty = 3
    tax = 4


class Timing(IntEnum):
    """Where a due stands against the value date of the money that meets it."""

    past_due = 0
    due = 1
    in_advance = 2


class InterestMode(IntEnum):
    """`scheduled`: fixed by the schedule. `daily`: earned on the actual principal."""

    scheduled = 0
    daily = 1


class Excess(IntEnum):
    """Where money goes that is beyond what is due."""

    next_instalment = 0
    reduce_principal = 1
    last_instalment = 2


class Status(IntEnum):
    """State of a loan at the end of a day."""

    active = 0
    closed = 1
    overpaid = 2
    charged_off = 3


class Kind(IntEnum):
    """Kinds of event. Nothing else changes a loan."""

    loan_boarded = 0
    disbursed = 1
    payment_received = 2
    charge_off = 3


class EventState(IntEnum):
    """What became of an event at intake."""

    accepted = 0
    pending_restatement = 1


EVENT_KINDS = {
    Kind.loan_boarded: "terms of a loan enter the book",
    Kind.disbursed: "principal is paid out",
    Kind.payment_received: "money came in for a loan",
    Kind.charge_off: "a person takes the loan off the books; the claim lives on",
}


def label(column: str, kind: type[IntEnum]) -> pl.Expr:
    """The name of a code column, for people."""
    return pl.col(column).replace_strict(
        {member.value: member.name for member in kind}, return_dtype=pl.String, default=None
    )
