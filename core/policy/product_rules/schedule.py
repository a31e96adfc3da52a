"""How instalments are made: amortisation, rate, stubs, graces, calendars, tranches."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from loanbook.core.contract.dates.business_days import BusinessDay
from loanbook.core.contract.steps_and_seasons import packed
from loanbook.core.policy.base import (
    BasisName,
    Count,
    Grace,
    Minor,
    Name,
    Percent,
    RoundingName,
)


class StepUp(BaseModel):
    """Instalments that grow (or, below zero, shrink) by a percentage, every so many of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percent: Percent = Field(
        description="by how much an instalment is higher than the one before; below zero: lower"
    )
    every: Count = Field(default=12, description="instalments of one height")

    @model_validator(mode="after")
    def _left(self) -> StepUp:
        if float(self.percent) <= -100:
            raise ValueError("step_up.percent must leave something: above -100")
        return self


class ScheduleRules(BaseModel):
    """How a product's instalments are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amortisation: Literal["equal_instalment", "equal_principal", "flat", "interest_only"] = Field(
        description="instalments of equal height; of equal principal; interest on the whole principal throughout (flat); or interest alone and the principal with the last one"
    )
    rate_basis: BasisName = Field(
        description="how the yearly rate becomes that of a period: equal periods (`period`), a day count, nights (`daily`), or compounded (`effective`)"
    )
    stub: Literal[
        "prorate", "plus_days_365", "whole_period", "forward", "plus_days_actual", "days_365"
    ] = Field(
        default="prorate",
        description="a first period that is no whole one bears its days as a share of the period "
        "that ends with it; a whole period and the odd days over 365; a whole period; a whole "
        "period from its start and the odd days as a share of the one after it; a whole period "
        "and the odd days over those of the year they begin in; or its days over 365. A later period "
        "that an order makes longer or shorter bears its days as under prorate, or as under forward",
    )
    stub_interest: Literal["level", "upfront", "first_instalment", "spread"] = Field(
        default="level",
        description="the interest of the days that a first period has beyond a regular one is within "
        "the level instalments; kept of the payout; on top of the first instalment; or on top of all, "
        "in even parts: the last three beside level instalments that are solved without it. Where the "
        "first period is shorter, the first instalment asks less, under `spread` each level one. Flat "
        "interest is spread under `level` too. A tape may say it loan by loan",
    )
    rate_factor: Literal["exact", "decimal_18"] = Field(
        default="exact",
        description="the rate of a period as an exact fraction, or rounded to 18 decimals",
    )
    instalment_rounding: RoundingName = Field(
        default="half_even", description="how the level instalment is rounded"
    )
    level_periods: Literal["actual", "even"] = Field(
        default="actual",
        description="the level instalment is solved with the days of each period, or with even periods "
        "(a month is 30 days, half of one 15) at the same rate a day; the last instalment takes the difference",
    )
    instalment_multiple: Minor = Field(default=1, gt=0, description="minor units")
    interest_rounding: RoundingName = Field(
        default="half_even", description="how a period's interest is rounded"
    )
    smooth_last_instalment: bool = Field(
        default=False,
        description="whether the level instalment is moved so that the last one differs least",
    )
    grace_principal: Grace = Field(default=0, description="instalments without principal")
    grace_interest: Grace = Field(default=0, description="instalments whose interest waits")
    grace_charged: Grace = Field(default=0, description="instalments without interest")
    flat_interest: Literal["even", "by_days"] = Field(
        default="even",
        description="flat interest is spread evenly over the instalments, or each bears that of its own "
        "period (by its days, where the basis counts them), at a level instalment",
    )
    flat_base: Literal["financed", "lent"] = Field(
        default="financed",
        description="flat interest beside a down payment is on what the instalments finance, or on "
        "all that was paid out",
    )
    shortfall: Literal["carry", "capitalise"] = Field(
        default="carry",
        description="interest above the instalment, or of instalments whose interest waits, goes "
        "to the next one, or joins the principal",
    )
    step_up: StepUp | None = Field(
        default=None, description="instalments that grow by a percentage; none: level"
    )
    season: list[str] = Field(
        default=[],
        description="share of the level instalment that each month asks, January first, in tenths "
        "up to 3.1; 0 skips the period, and its interest goes by `shortfall`",
    )
    last_instalment: Literal["absorb", "level"] = Field(
        default="absorb",
        description="the last instalment takes what is left, or is as high as the others and "
        "leaves a residue",
    )
    business_day: str = Field(
        default="unadjusted",
        description="how a due date that is no business day moves: unadjusted, following, modified_following, preceding, modified_preceding, modified_following_bi_monthly, nearest",
    )
    calendar: Name = Field(
        default="every-day", description="policy of calendars by which business days are told"
    )
    adjust_accrual: bool = Field(
        default=False,
        description="whether the interest period ends on the moved due date, or on the one that was counted; "
        "instalments that are moved onto one day are all billed on it",
    )
    materialised: bool = Field(
        validation_alias=AliasChoices("materialised", "stands_whole"),
        default=False,
        description="the whole schedule stands as dues from disbursement on, so that charges to "
        "come, chargebacks and tranches can change its instalments",
    )
    down_payment_ppb: int = Field(default=0, ge=0, lt=10**9, description="share due at once")
    tranches: Literal["to_come", "all", "own_term"] = Field(
        default="to_come",
        description="instalments over which a later payout is spread: those to come; of a loan "
        "without interest, all of them, as if it had been paid out at first; or as many as the loan "
        "was agreed for, from the running one on, a schedule of its own beside what is asked already",
    )
    tranche_interest: Literal["by_nights", "whole_period"] = Field(
        default="by_nights",
        description="what a later payout bears in the period that it falls in, of a schedule that "
        "stands whole: interest for its nights, or for the whole period",
    )

    @model_validator(mode="after")
    def _weights(self) -> ScheduleRules:
        if self.season:
            try:
                packed([Fraction(share) for share in self.season])
            except ValueError as wrong:
                raise ValueError(f"season: {wrong}") from wrong
        if (self.season or self.step_up) and self.amortisation != "equal_instalment":
            raise ValueError("season and step_up need amortisation: equal_instalment")
        if (self.season or self.step_up) and self.materialised:
            raise ValueError("season and step_up need materialised: false")
        return self

    @model_validator(mode="after")
    def _even(self) -> ScheduleRules:
        counts = self.rate_basis not in ("period", "30/360", "effective")
        if self.level_periods == "even" and not (
            counts and self.amortisation == "equal_instalment"
        ):
            raise ValueError(
                "level_periods: even needs amortisation: equal_instalment and a rate_basis that counts "
                "days; the periods of others are even"
            )
        return self

    @model_validator(mode="after")
    def _factor(self) -> ScheduleRules:
        if self.rate_factor == "decimal_18" and self.rate_basis == "daily":
            raise ValueError(
                "rate_factor decimal_18 needs a yearly rate; that of some nights at a daily rate is exact"
            )
        return self

    @model_validator(mode="after")
    def _conventions(self) -> ScheduleRules:
        if self.business_day not in BusinessDay.__members__:
            raise ValueError(f"business_day must be one of {', '.join(BusinessDay.__members__)}")
        earlier = self.business_day in ("preceding", "modified_preceding", "nearest") or (
            self.business_day.startswith("modified_following")
        )
        if self.adjust_accrual and self.materialised:
            raise ValueError(
                "adjust_accrual needs materialised: false; the interest of a schedule that stands "
                "whole is of the periods that were counted, wherever their due dates move"
            )
        if earlier and not (self.adjust_accrual or self.materialised):
            raise ValueError(
                f"business_day {self.business_day} can move a due date before the end of its "
                "interest period; set adjust_accrual: true or use following"
            )
        return self
