"""How sure it must be that an entry is of a loan before it is applied by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from loanbook.core.policy.base import Minor, Policy

PerMille = Annotated[int, Field(ge=0, le=1000)]


class ReceiptMatching(Policy):
    """By what an entry finds its loan. What is told by a reference is sure; name, amount and date together
    give a confidence from 0 to 1000."""

    accept_at: PerMille = Field(
        default=900,
        description="confidence from which an entry is applied; below it waits in suspense",
    )
    lead: PerMille = Field(
        default=50, description="so much more than the next loan's the confidence must be"
    )
    name_weight: PerMille = Field(default=500, description="share of the name in the confidence")
    amount_weight: PerMille = Field(default=350, description="share of the amount")
    date_weight: PerMille = Field(default=150, description="share of the due date")
    name_floor: PerMille = Field(
        default=700, description="names that are less alike than this count as different"
    )
    date_days: int = Field(
        default=15,
        ge=1,
        le=366,
        description="days from the due date at which the date says nothing more",
    )
    key_min_length: int = Field(
        default=5, ge=1, le=64,
        description="a loan's key is looked for in free text where it has so many characters or more",
    )  # fmt: skip
    candidates: int = Field(
        default=5, ge=1, le=20, description="loans that are shown for an entry in suspense"
    )
    name_attribute: str = Field(
        default="borrower_name", description="attribute of a tape that holds the borrower's name"
    )
    mandate_attribute: str = Field(
        default="mandate", description="attribute that holds the mandate's reference"
    )
    virtual_account_attribute: str = Field(
        default="virtual_account",
        description="attribute that holds the account given to the borrower to pay to",
    )
    one_person_below_minor: Minor = Field(
        default=0,
        description="an entry of less may be assigned by one person, minor units; 0: never",
    )
    look_again_days: int = Field(
        default=180, ge=0, le=3660,
        description="an entry in suspense is matched again for so many days from its file's date, whenever loans, mandates or "
        "references have come; then people alone decide. 0: never",
    )  # fmt: skip
    old_after_days: int = Field(
        default=5, ge=0, le=3660, description="an entry that is longer in suspense is old"
    )

    @model_validator(mode="after")
    def _whole(self) -> ReceiptMatching:
        weights = self.name_weight + self.amount_weight + self.date_weight
        if weights != 1000:
            raise ValueError(f"the three weights sum to {weights}; they must sum to 1000")
        return self
