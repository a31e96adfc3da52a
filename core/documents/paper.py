"""What one agreement says, as it is printed, signed, kept and boarded. Amounts in Int64 minor units.

A paper is a value: its canonical JSON is what versions are compared by and what its hash is of. Persons stand in it
by a token and a mask alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from loanbook.core.documents.fields import Fields
from loanbook.core.errors import LoanbookError

Term = str | int | bool | None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(_Part):
    """Somebody who is bound: role, token of a person of the vault, and what of the name is shown."""

    role: str
    token: str
    mask: str


BORROWERS = ("borrower", "co_borrower")
"""Roles of those who owe the loan."""
GUARANTOR = "guarantor"
SIGNERS = (*BORROWERS, GUARANTOR)
"""Roles of those who sign, each a copy of the agreement as it was shown; others are named in it alone."""


class Clause(_Part):
    """A heading and what stands beneath."""

    name: str
    text: str


class Figures(_Part):
    """What a loan costs, minor units; the rate in per cent with three decimals, as text."""

    lent: int
    paid_out: int
    fee: int
    """Fee of the payout, with its tax."""
    interest: int
    taxes: int
    charges: int
    """Fees and penalties that the schedule asks."""
    total_of_payments: int
    apr_percent: str

    @property
    def amount_financed(self) -> int:
        """12 CFR 1026.18(b): the principal less the finance charge that the payout bears."""
        return self.lent - self.fee

    @property
    def finance_charge(self) -> int:
        """12 CFR 1026.18(d): what the credit costs in all."""
        return self.total_of_payments - self.amount_financed


class Schedule(_Part):
    """Instalments, a value each in every column, in their order."""

    due_date: tuple[dt.date, ...]
    principal: tuple[int, ...]
    interest: tuple[int, ...]
    other: tuple[int, ...]
    """Taxes and charges."""
    amount: tuple[int, ...]
    balance: tuple[int, ...]
    """Principal left once the instalment is paid."""


class Paper(Fields):
    """What an agreement says."""

    offer_id: str
    application_id: str
    decision_id: str
    loan_key: str
    lender: str
    product: str
    """NAME@VERSION."""
    product_words: str
    currency: str
    jurisdiction: str
    disclosure: str
    """The form by which its cost is told (`loanbook.core.documents.kinds.DISCLOSURES`)."""
    made_on: dt.date
    expires_on: dt.date
    cooling_off_days: int
    parties: tuple[Party, ...]
    terms: dict[str, Term]
    """Every term of the loan by its name, as boarding stores it, dates as text; `emi` is the level instalment solved."""
    figures: Figures
    schedule: Schedule
    clauses: tuple[Clause, ...]


def party(parties: Sequence[Party], named: str) -> Party:
    """The party of a role, or whose token begins so (six signs or more; tokens begin with their time). LoanbookError: there is none, or are several."""
    found = [
        each
        for each in parties
        if each.role == named or (len(named) >= 6 and each.token.startswith(named))
    ]
    if len(found) != 1:
        roles = ", ".join(f"{each.role} {each.token}" for each in parties)
        raise LoanbookError(
            f"{'no party is' if not found else 'several parties are'} {named!r}; there are {roles}"
        )
    return found[0]


def signers(parties: Sequence[Party]) -> tuple[Party, ...]:
    """The parties who sign."""
    return tuple(each for each in parties if each.role in SIGNERS)


def masked(name: str) -> str:
    """What of a name is shown: the first letter of each word."""
    return " ".join(f"{word[0]}{'•' * 4}" for word in name.split())
