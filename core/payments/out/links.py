"""Payment links: what is asked of a provider, and what becomes of a link.

A link is of one loan and one amount, may be paid once, and no more after its last day. The same link that is asked for
again is the same one: its key is made of what it is of.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Literal

from loanbook.core.contract.money import to_major

State = Literal["open", "paid", "expired"]


@dataclass(frozen=True)
class Wanted:
    """A link that is asked for."""

    loan_key: str
    amount: int
    """Minor units."""
    currency: str
    last_day: dt.date
    """The last day on which it may be paid."""

    @property
    def key(self) -> str:
        """Its idempotency key: 24 hexadecimal digits of the SHA-256 of what it is of."""
        told = f"{self.loan_key}\n{self.amount}\n{self.currency}\n{self.last_day}"
        return hashlib.sha256(told.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Link:
    """A link as its provider has it."""

    reference: str
    """The provider's own reference of it."""
    url: str
    wanted: Wanted
    made_on: dt.date
    paid_on: dt.date | None = None

    def state(self, on: dt.date) -> State:
        """What it is on a day."""
        if self.paid_on is not None and self.paid_on <= on:
            return "paid"
        return "expired" if on > self.wanted.last_day else "open"


def fault(wanted: Wanted, owed: int, today: dt.date) -> str:
    """Why a link is not asked for; empty: it may be. `owed`: what settles the loan in all, minor units."""
    if wanted.amount <= 0:
        return "the amount of a link is above zero"
    if wanted.amount > owed:
        return f"it would ask for more than settles the loan ({to_major(owed, wanted.currency)} {wanted.currency})"
    if wanted.last_day < today:
        return f"its last day is over: the ledger stands at {today}"
    return ""
