"""Agencies that collect loans for the lender: by what file they remit, and what they are paid."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loanbook.core.policy.base import Name, NotBelowZero, Policy


class CommissionBand(BaseModel):
    """The commission on loans that were so late when they were placed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_days: Annotated[int, Field(ge=0, le=100_000)] = Field(
        description="days past due on the day of the placement from which it counts"
    )
    percent: NotBelowZero = Field(description="of what came, per cent: 18.5")


class CollectionAgency(Policy):
    """An agency with which loans are placed."""

    remits_by: Name = Field(
        description="mapping of its remittance file (`collection_files`): by its source its payments are known"
    )
    counts: Literal["remitted", "all"] = Field(
        default="remitted",
        description="on what commission is due. remitted: what came by its file; all: whatever the borrower paid while the loan was placed",
    )
    tail_days: Annotated[int, Field(ge=0, le=366)] = Field(
        default=0, description="days after a recall in which what comes counts still"
    )
    commission: list[CommissionBand] = Field(
        min_length=1, description="by days past due, the first from 0 on"
    )

    @model_validator(mode="after")
    def _in_order(self) -> CollectionAgency:
        days = [each.from_days for each in self.commission]
        if days[0] != 0 or any(a >= b for a, b in pairwise(days)):
            raise ValueError("commission: from_days begin at 0 and ascend")
        if any(float(each.percent) > 100 for each in self.commission):
            raise ValueError("commission: percent is 100 at most")
        return self
