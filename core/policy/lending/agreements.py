"""How loans are offered, agreed and paid out: how long an offer stands, what is disclosed where, what a payout needs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from loanbook.core.contract.jurisdiction import CODE
from loanbook.core.policy.base import Days, Minor, Policy

Form = Literal["truth_in_lending", "key_facts", "eu_standard"]


class Place(BaseModel):
    """What the law of a place asks of an agreement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    disclosure: Form = Field(
        description="form by which the cost is told: the truth-in-lending box (12 CFR 1026.18), the key facts statement "
        "(RBI, 15 April 2024), the standard European information (Directive 2008/48/EC, Annex II)"
    )
    cooling_off_days: Days = Field(
        default=0,
        description="days after signature in which the borrower may withdraw without giving a reason; 0: none",
    )


class AgreementRules(Policy):
    """Offers, agreements and payouts."""

    offer_days: Annotated[int, Field(ge=1, le=366)] = Field(
        default=30, description="days that an offer stands; unsigned it expires after the last"
    )
    by_jurisdiction: dict[Annotated[str, StringConstraints(pattern=CODE)], Place] = Field(
        default={},
        description="by the loan's jurisdiction (ISO 3166): a subdivision's, else its country's",
    )
    by_currency: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")], Place] = Field(
        default={},
        description="of a loan that names no jurisdiction, or one that is not listed: by its currency",
    )
    least_name_score: Annotated[int, Field(ge=50, le=100)] = Field(
        default=90,
        description="how alike the name that a bank tells of an account and the borrower's must be, per cent",
    )
    most_a_day: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")], Minor] = Field(
        default={},
        description="most that is paid out on one day by currency, minor units; none: no limit",
    )

    def place(self, jurisdiction: str, currency: str) -> Place | None:
        """What the law asks where a loan is made; None: the policy does not say."""
        for code in (jurisdiction, jurisdiction.partition("-")[0]):
            if code in self.by_jurisdiction:
                return self.by_jurisdiction[code]
        return self.by_currency.get(currency)
