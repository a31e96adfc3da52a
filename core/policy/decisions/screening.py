"""How persons are matched with lists of sanctions: from which likeness on, and who may clear a hit."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from loanbook.core.policy.base import Policy, Reason


class ScreeningRules(Policy):
    """Matching of persons with lists of sanctions and of persons in public office."""

    threshold: Annotated[int, Field(ge=60, le=100)] = Field(
        default=88, description="how alike a name and one of a list must be to be a hit, per cent"
    )
    birth_years_apart: Annotated[int, Field(ge=0, le=100)] = Field(
        default=2,
        description="years between both births, where both are known, beyond which it is no hit",
    )
    required: bool = Field(
        default=False,
        description="whether nobody is paid out to who was not screened by the lists that landed; a hit that is open or "
        "confirmed holds a payout back in any case",
    )
    persons_to_clear: Annotated[int, Field(ge=1, le=3)] = Field(
        default=2,
        description="how many different persons must say that a hit is not the person; one confirms it",
    )
    clears: dict[Reason, str] = Field(
        min_length=1, description="why a hit is not the person, by code: what clears it"
    )
    confirms: dict[Reason, str] = Field(
        min_length=1, description="why a hit is the person, by code: what confirms it"
    )

    @model_validator(mode="after")
    def _apart(self) -> ScreeningRules:
        if both := sorted(self.clears.keys() & self.confirms.keys()):
            raise ValueError(
                f"{both[0]} stands in clears and in confirms; a reason says one of them"
            )
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides whether it is a hit."""
        return hashlib.sha256(f"{self.threshold}|{self.birth_years_apart}".encode()).hexdigest()
