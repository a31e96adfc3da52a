"""When a promise to pay counts as kept: days of grace, and how much of it must have come."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from loanbook.core.policy.base import Policy

Share = Annotated[int, Field(ge=1, le=100)]


class PromiseRules(Policy):
    """How promises that were made from its first day on are judged."""

    grace_days: Annotated[int, Field(ge=0, le=31)] = Field(
        description="days after the promised date on which money still keeps the promise"
    )
    kept_percent: Share = Field(
        default=100, description="a promised payment is kept where at least so much of it came"
    )
    partly_percent: Share = Field(
        default=1,
        description="it is partly kept where at least so much of it came, and broken where less did",
    )

    @model_validator(mode="after")
    def _in_order(self) -> PromiseRules:
        if self.partly_percent > self.kept_percent:
            raise ValueError(
                f"partly_percent: {self.partly_percent} is above kept_percent: {self.kept_percent}"
            )
        return self
