"""When two records of persons may be of one person: what each likeness weighs, and from which weight on people are shown a pair."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loanbook.core.policy.base import Policy, Reason

Bits = Annotated[int, Field(ge=-40, le=40)]


class Evidence(BaseModel):
    """What a field of two records weighs, in bits: +10 makes it a thousand times as likely that they are of one person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    same: Annotated[int, Field(ge=1, le=40)] = Field(description="both records have the same")
    other: Annotated[int, Field(ge=-40, le=-1)] = Field(
        description="both records tell it, and it is another"
    )


class Likeness(Evidence):
    """As evidence, of a field that may be written otherwise: by a name's letters, by one digit of a date."""

    alike: Bits = Field(description="nearly the same")


class DuplicateRules(Policy):
    """Finding persons who stand in the vault more than once. A field that a record lacks weighs nothing."""

    least_weight: Bits = Field(
        default=4,
        description="from which weight on a pair is shown: the logarithm to base 2 of the odds that it is one person, 4: 16 to 1",
    )
    repeated_per_thousand: Annotated[int, Field(ge=1, le=500)] = Field(
        default=10,
        description="of a thousand persons, how many are thought to stand there a second time: where the odds begin",
    )
    names: Likeness = Field(
        description="whole name, words in any order; a frequent one weighs less, a rare one more"
    )
    birth_date: Likeness = Field(description="alike: one digit is another, or two are exchanged")
    national_id: Evidence = Field(description="number, with the country that gave it")
    email: Evidence = Field(description="address for mail")
    phone: Evidence = Field(description="telephone")
    account: Evidence = Field(description="bank account, with its bank")
    address: Evidence = Field(description="street, number and postal code")
    persons_to_merge: Annotated[int, Field(ge=2, le=3)] = Field(
        default=2,
        description="how many persons a merge takes, and undoing one: who orders it, and those who approve",
    )
    expires_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=14, description="days after which an order that nobody approved expires"
    )
    merges: dict[Reason, str] = Field(
        min_length=1, description="why two records are of one person, by code"
    )
    parts: dict[Reason, str] = Field(
        min_length=1,
        description="why they are of two persons, by code: of undoing a merge, and of a pair that is none",
    )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides a pair's weight and whether it is shown."""
        told = self.model_dump(
            include={"least_weight", "repeated_per_thousand", "names", "birth_date", *SAME},
            mode="json",
        )
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


SAME = ("national_id", "email", "phone", "account", "address")
"""Fields that are the same or not."""
