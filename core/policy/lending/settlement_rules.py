"""How little may settle a loan, and who may give up how much."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loanbook.core.policy.base import Name, Policy, named_once

Percent = Annotated[int, Field(ge=0, le=100)]


class SettlementBand(BaseModel):
    """The least that settles a loan of so many days past due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_days: Annotated[int, Field(ge=0, le=100_000)] = Field(
        description="days past due from which it counts"
    )
    floor_percent: Percent = Field(description="the least share of the claim that settles it")


class Authority(BaseModel):
    """How much a role may give up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Name = Field(description="a role")
    gives_up_percent: Percent = Field(description="the most of the claim that it may give up")


class SettlementRules(Policy):
    """What settles a loan for less than the claim."""

    within_days: Annotated[int, Field(ge=1, le=366)] = Field(
        description="money of so many days up to a settlement is what was paid for it; the most days past due of them count"
    )
    bands: list[SettlementBand] = Field(
        min_length=1, description="by days past due, the first from 0 on"
    )
    authority: list[Authority] = Field(
        min_length=1,
        description="roles that may propose a settlement; of several the largest counts",
    )

    @model_validator(mode="after")
    def _in_order(self) -> SettlementRules:
        days = [each.from_days for each in self.bands]
        if days[0] != 0 or any(a >= b for a, b in pairwise(days)):
            raise ValueError("bands: from_days begin at 0 and ascend")
        named_once([each.role for each in self.authority])
        return self
