"""Where money goes once it is in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
)

from loanbook.core.catalogue.events import MONEY_IN
from loanbook.core.policy.base import (
    AskedAgainName,
    Name,
    kind_among,
    named_once,
)

_EXCESS_BEFORE = {"reduce_principal": "next_then_principal"}
"""What files said before, and stored versions say."""


ExcessName = Annotated[
    Literal[
        "next_instalment",
        "next_then_principal",
        "last_instalment",
        "spread",
        "next_then_last",
        "curtailment",
        "recast",
        "running_then_recast",
        "running_then_curtailment",
        "running_then_next",
    ],
    BeforeValidator(lambda name: _EXCESS_BEFORE.get(name, name)),
]


MoneyName = Annotated[str, kind_among(MONEY_IN)]


class MoneyRule(BaseModel):
    """How one kind of money in is allocated, where it differs from a repayment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    waterfall: Name = Field(description="policy of waterfalls")
    excess: ExcessName = Field(description="where money goes that is beyond what is due")


class PaymentRules(BaseModel):
    """Where money goes once it is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    waterfall: Name = Field(
        default="standard", description="policy of waterfalls: the order in which money meets dues"
    )
    excess: ExcessName = Field(
        default="next_instalment",
        description="where money goes that is beyond what is due: ahead to the next instalment; to the next, then off the balance; to the last instalments; over all to come; to the next, then the last; off the balance, the instalments stay (curtailment); off the balance, with a lower level instalment (recast); or all to the principal of the running instalment, and what that is beyond its part as named",
    )
    by_kind: dict[MoneyName, MoneyRule] = Field(
        default={}, description="kinds of money that are allocated otherwise than a repayment"
    )
    charges: Literal["with_instalment", "own_date"] = Field(
        default="with_instalment",
        description="a fee or penalty by order falls due with the instalment within whose period its "
        "date is, or on that date",
    )
    prepaid_at_payout: Literal["stays", "reallocated"] = Field(
        default="stays",
        description="principal that was paid in advance, when a later payout makes the instalments to come "
        "anew: it stays with its instalment, or is taken again, the earliest due first, a down payment of "
        "the day among them",
    )
    chargeback: list[AskedAgainName] = Field(
        default=[],
        description="order in which a chargeback asks again for what its payment met; none: all "
        "of it is principal",
    )
    credit_use: Literal["next_due", "payouts", "hold"] = Field(
        default="next_due",
        description="what the borrower's credit pays: dues on their day, those and at once what a "
        "further payout lends or a charge asks, or nothing",
    )

    @field_validator("chargeback")
    @classmethod
    def _once(cls, chargeback: list[str]) -> list[str]:
        return named_once(chargeback)
