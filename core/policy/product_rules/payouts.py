"""What may be applied for and lent: bounds, payouts, lines of credit and their advances."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)

from loanbook.core.contract.money import rate_to_ppb
from loanbook.core.policy.base import (
    Days,
    Minor,
    NotBelowZero,
    Percent,
)

Whole = Annotated[int, Field(le=2**62)]


Exact = Annotated[
    Decimal,
    Field(max_digits=10, decimal_places=7),
    PlainSerializer(float, return_type=float, when_used="json"),
]
"""A number of a policy file, exactly as it is written there."""


class PayoutRules(BaseModel):
    """How much may be lent: payouts and fees that join the principal, against what was agreed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    over_ppb: int = Field(
        default=0, ge=0, le=10**12, description="beyond what was agreed, as a share of it"
    )
    over_minor: Minor = Field(default=0, description="beyond what was agreed, minor units")
    merchant: bool | None = Field(
        default=None,
        description="whether the payout goes to a merchant, who may refund it; left out: where "
        "`payments.by_kind` says what a merchant_refund meets",
    )


class AdvanceRules(BaseModel):
    """Draws that bear more than the others: cash advances. They have no grace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin_percent: Percent = Field(description="a year, beyond the rate of the line")

    @field_validator("margin_percent")
    @classmethod
    def _bears_more(cls, value: str) -> str:
        if Fraction(value) <= 0:
            raise ValueError(
                "advances bear more than the line's own rate; leave them out, or raise it"
            )
        return value


class LineRules(BaseModel):
    """A revolving line of credit: drawn and paid back at will up to its limit.

    The period of a loan's terms is the statement cycle. A statement asks a minimum, due some days
    later; what is paid beyond it reduces the balance. Source: the product's domain rules, Line of
    credit; 12 CFR 1026.5(b)(2)(ii) for 21 days, 1026.54 for interest after a grace period is lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    due_days: int = Field(default=21, ge=1, le=27, description="from statement to due date")
    grace_on_draws: bool = Field(
        default=False,
        description="a cycle bears no interest if the statement before it is paid in full by its "
        "due date; else from each draw's date",
    )
    minimum_floor_minor: Minor = Field(
        default=0, description="the least that a statement asks, minor units"
    )
    minimum_percent: NotBelowZero = Field(default="0", description="of the principal owed")
    cash_advances: AdvanceRules | None = Field(
        validation_alias=AliasChoices("cash_advances", "advances"),
        default=None,
        description="draws at a higher rate; money beyond the minimum pays them first "
        "(12 CFR 1026.53)",
    )


class Bounds(BaseModel):
    """What may be applied for; outside it an application is refused with the bound named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_minor: tuple[Whole, Whole] = Field(
        default=(1, 10**13), description="least and most principal, minor units"
    )
    instalments: tuple[Whole, Whole] = Field(
        default=(1, 600), description="fewest and most instalments"
    )
    rate_percent: tuple[Exact, Exact] = Field(
        default=(Decimal(0), Decimal(100)),
        description="lowest and highest yearly rate, percent; of a daily rate: a day",
    )
    balloon_percent: tuple[Exact, Exact] = Field(
        default=(Decimal(0), Decimal(100)),
        description="of the principal; it is always below all of it",
    )
    charge_percent: Exact = Field(
        default=Decimal(100),
        ge=0,
        description="the highest fee or penalty that people may charge, of the principal agreed",
    )
    due_within_days: Days = Field(
        default=1830,
        ge=1,
        description="how far after an order's value date the due date that it asks for may lie",
    )
    pause_days: Days = Field(
        default=1096, ge=1, description="longest pause of interest or of delinquency, days"
    )

    @model_validator(mode="after")
    def _low_below_high(self) -> Bounds:
        for field in ("amount_minor", "instalments", "rate_percent", "balloon_percent"):
            low, high = getattr(self, field)
            if low > high:
                raise ValueError(
                    f"{field}: {low} is above {high}, so nothing is within; write the lowest first"
                )
        if self.instalments[0] < 1 or self.amount_minor[0] < 1 or self.balloon_percent[0] < 0:
            raise ValueError(
                "amount_minor and instalments begin at 1 or above, balloon_percent at 0 or above"
            )
        return self

    @property
    def rate_ppb(self) -> tuple[int, int]:
        """Lowest and highest rate, parts per billion."""
        return _ppb(self.rate_percent)

    @property
    def balloon_ppb(self) -> tuple[int, int]:
        """Lowest and highest balloon, parts per billion of the principal."""
        return _ppb(self.balloon_percent)

    @property
    def charge_ppb(self) -> int:
        """The highest charge by order, parts per billion of the principal."""
        return rate_to_ppb(str(self.charge_percent))


def _ppb(percent: tuple[Decimal, Decimal]) -> tuple[int, int]:
    low, high = (rate_to_ppb(str(each)) for each in percent)
    return low, high
