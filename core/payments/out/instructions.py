"""Debits and credits for a bank, one a row, in one form for all rails; and the file that they go out in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import dataframely as dy

from loanbook.core.frames import DATE, FLAG, MINOR, column


def _text(meaning: str, nullable: bool = True) -> dy.String:
    return dy.String(nullable=nullable, metadata=column(meaning, "text"))


class Instructions(dy.Schema):
    """A debit or credit for a bank to carry out, a row each."""

    key = _text("Idempotency key: under it the money is asked for, or paid, once", nullable=False)
    direction = _text("debit or credit of the other side's account", nullable=False)
    effective = dy.Date(metadata=column("Day on which the banks are to settle", DATE))
    amount = dy.Int64(min=0, metadata=column("How much; 0 of a prenotification", MINOR))
    currency = _text("Its currency", nullable=False)
    prenote = dy.Bool(metadata=column("Asks whether the account is there; moves nothing", FLAG))
    entry_class = _text("NACHA: standard entry class; else empty", nullable=False)
    description = _text("What the entries of a batch are for", nullable=False)
    sequence = _text("FRST, RCUR, FNAL or OOFF", nullable=False)
    trace = _text("NACHA: trace number of 15 digits, ascending; else empty", nullable=False)
    end_to_end_id = _text("Id that goes with the payment from end to end", nullable=False)
    bank = _text("Routing number or BIC of the other side's bank; empty: not told", nullable=False)
    account = _text("Account of the other side", nullable=False)
    account_type = _text("checking or savings; empty: the rail knows no types", nullable=False)
    holder = _text("Name of the other side", nullable=False)
    mandate = _text("Mandate that a debit rests on")
    signed = dy.Date(nullable=True, metadata=column("When the mandate was given", DATE))
    remittance = _text("What the other side reads")


@dataclass(frozen=True)
class Heading:
    """What a file to a bank says of itself. Nothing of it comes from a clock, so that the same file can
    be written again."""

    message_id: str
    """Idempotency key of the file: its name to the bank."""
    created: dt.datetime
    """Business date and cut-off of the originator, in its own time."""
    number: int = 1
    """Which file of its originator and date it is, from 1."""
