"""When a loan has ended: which letters go out, by when, when collateral is given back, and what delay costs the lender."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from loanbook.core.contract.jurisdiction import CODE
from loanbook.core.policy.base import Minor, Policy

LETTERS = ("paid_in_full", "no_objection", "settlement_letter", "charge_off_notice")
ENDINGS = ("closed", "settled", "charged_off", "written_off")
"""How a loan ends, or is given up: names of its status."""
LetterName = Literal["paid_in_full", "no_objection", "settlement_letter", "charge_off_notice"]
EndingName = Literal["closed", "settled", "charged_off", "written_off"]
Within = Annotated[int, Field(ge=0, le=366)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Compensation(_Part):
    """What the borrower is owed for each day of delay."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        description="currency of the amount: of loans in another none is counted"
    )
    minor_a_day: Minor = Field(
        description="for each day after the last that was in time, minor units"
    )


class ClosurePlace(_Part):
    """By when, in a place; days count from the day on which the loan ended, the next being the first."""

    letters_days: Within = Field(description="days within which letters are made")
    collateral_days: Within | None = Field(
        default=None,
        description="days within which documents are given back and charges released; none: no rule",
    )
    compensation: Compensation | None = Field(
        default=None, description="what delay of collateral costs the lender; none: nothing"
    )
    source: str = Field(
        min_length=1, description="the law and its section, or the lender's own word"
    )


class ClosureRules(Policy):
    """Letters and collateral of loans that have ended."""

    letters: dict[EndingName, list[LetterName]] = Field(
        description="letters by how the loan ended: closed (nothing is owed), settled (for less than the claim), charged_off "
        "(given up by the books, still owed), written_off (given up whole)"
    )
    ended_from: dt.date = Field(
        description="loans that ended before have no letters and no clock here: the day from which a lender works by it",
    )
    elsewhere: ClosurePlace = Field(description="where no place below fits")
    by_jurisdiction: dict[Annotated[str, StringConstraints(pattern=CODE)], ClosurePlace] = Field(
        default={}, description="by place (ISO 3166: IN, US-CA); it stands whole"
    )

    def place(self, jurisdiction: str) -> ClosurePlace:
        """What counts in a place: its own, else its country's, else elsewhere's."""
        named = self.by_jurisdiction
        return named.get(jurisdiction) or named.get(jurisdiction[:2]) or self.elsewhere
