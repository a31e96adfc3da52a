"""How interest is earned, follows an index, and what overdue money bears beside it."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from loanbook.core.policy.base import (
    Count,
    Days,
    Name,
    NotBelowZero,
    Percent,
    RoundingName,
)


class InterestRules(BaseModel):
    """How interest is earned between due dates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accrual: Literal["scheduled", "daily"] = Field(
        description="fixed by the schedule, or earned each night on the actual principal"
    )
    interest_due_at: Literal["due_date", "payment_date"] = Field(
        default="due_date",
        description="daily: money between due dates stands with the next instalment, or pays the "
        "interest earned to its day first, whenever it comes (US simple interest)",
    )
    residue: Literal["drop", "carry"] = Field(
        default="drop",
        description="what rounding leaves of a period's exact daily interest: dropped, or carried to the next one",
    )
    rounded: Literal["period", "segment"] = Field(
        default="period",
        description="daily: interest is rounded once a period, or that of each segment by itself, which "
        "ends where money or an order changes the balance",
    )
    post_maturity: Literal["contract_rate", "none"] = Field(
        default="contract_rate",
        description="whether principal bears interest after the last due date",
    )
    rebate: Literal["actuarial", "none", "full_period", "rule_of_78"] = Field(
        default="actuarial",
        description="what a payoff asks of interest to come: none, and what was paid of it before it was earned goes "
        "back (scheduled); all of the schedule; that of the running period (daily); all less the sum of the digits "
        "(scheduled)",
    )
    covered_instalment: Literal["bears_its_nights", "fixed"] = Field(
        default="bears_its_nights",
        description="an instalment whose principal was paid in advance bears interest to its due "
        "date, or none any more: later nights are the next one's",
    )
    overdue_principal: Literal["bears_interest", "bears_none"] = Field(
        default="bears_interest",
        description="daily: principal that fell due and is unpaid goes on bearing the contract's "
        "interest, or none",
    )
    unpaid_down_payment: Literal["bears_interest", "bears_none"] = Field(
        default="bears_interest",
        description="daily: a down payment that is due and unpaid bears the contract's interest, or "
        "none, however late it comes: the borrower's own share is not financed",
    )
    after_charge_off: Literal["regular", "zero_interest", "accelerate_maturity"] = Field(
        default="regular",
        description="billed and bearing interest as agreed; billed with no more interest; or all due at once with no more interest",
    )
    charge_off_claims: Literal["earned", "scheduled"] = Field(
        default="earned",
        description="interest that a charge-off takes off the books: what was earned, or all of the "
        "schedule, which is fixed then",
    )

    @model_validator(mode="after")
    def _segments(self) -> InterestRules:
        if self.rounded == "segment" and self.accrual != "daily":
            raise ValueError(
                "rounded: segment needs accrual: daily; scheduled interest has no segments"
            )
        return self


class FloatingRate(BaseModel):
    """How a rate follows an index; percentages are exact decimals, written as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: Name = Field(description="name of the reference rate in index files")
    multiplier: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,9})?$")] = Field(
        default="1", description="times the index, before the spread is added"
    )
    floor_percent: Percent | None = Field(
        default=None, description="the rate never falls below; none: no floor"
    )
    cap_percent: Percent | None = Field(
        default=None, description="the rate never rises above; none: no cap"
    )
    reset_cap_percent: NotBelowZero | None = Field(
        default=None, description="how far one reset may move the rate, either way"
    )
    every: Count = Field(default=1, description="units between two resets")
    unit: Literal["months", "weeks", "days"] = Field(
        default="months", description="unit of `every`"
    )
    fixing_days: Days = Field(
        default=0, description="days between the date of the value and the reset"
    )
    keep: Literal["term", "instalment"] = Field(
        default="term", description="what stays at a reset; see `change_rate`"
    )

    @model_validator(mode="after")
    def _floor_below_cap(self) -> FloatingRate:
        floor, cap = self.floor_percent, self.cap_percent
        if floor is not None and cap is not None and Fraction(floor) > Fraction(cap):
            raise ValueError("floor_percent is above cap_percent: no rate is within both")
        return self


class PenalRules(BaseModel):
    """What overdue money bears beside the contract's own interest: simple, by nights over 365.

    From the end of the day on which it is overdue for longer than the grace, until it is paid or
    the loan is charged off. It is asked with the next billing, before any other event of the loan
    on its day, and where what is overdue changes; it never bears interest itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_percent: NotBelowZero = Field(description="a year")
    base: Literal["principal", "principal_and_interest"] = Field(
        default="principal", description="what overdue bears it"
    )
    grace_days: Days = Field(default=0, description="days overdue before it begins")
    mode: Literal["interest", "charge"] = Field(
        default="interest",
        description="what it is in law: interest, or a charge (India, RBI/2023-24/53, allows no "
        "penal interest); it tells which tax it bears",
    )
    rounding: RoundingName = Field(default="half_even", description="how the amount is rounded")
