"""What a product file may say, rule by rule: schedule, interest, payments, payouts, endings.

Each class is one part of `loanbook.core.policy.product.Product`, which says what they may not be together.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    field_validator,
    model_validator,
)

from loanbook.core.catalogue.events import MONEY_IN
from loanbook.core.contract.dates.business_days import BusinessDay
from loanbook.core.contract.money import rate_to_ppb
from loanbook.core.contract.steps_and_seasons import packed
from loanbook.core.policy.base import (
    AskedAgainName,
    BasisName,
    Count,
    Days,
    Grace,
    Minor,
    Name,
    RoundingName,
    kind_among,
    named_once,
)

Exact = Annotated[
    Decimal,
    Field(max_digits=10, decimal_places=7),
    PlainSerializer(float, return_type=float, when_used="json"),
]
"""A number of a policy file, exactly as it is written there."""
Whole = Annotated[int, Field(le=2**62)]
Percent = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,7})?$")]
NotBelowZero = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,7})?$")]
"""A percentage of which less than nothing would be money that the borrower is owed."""


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


class SmallCreditRules(BaseModel):
    """What becomes of a borrower's small credit on a loan that owes nothing, by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    up_to_minor: Minor = Field(gt=0, description="a credit of no more than this")
    after_months: int = Field(
        default=0, ge=0, le=240, description="months in which it did not change; 0: at once"
    )
    becomes: Literal["refunded", "income", "escheated"] = Field(
        description="paid back, the lender's income, or owed to the state as unclaimed property"
    )


class NonAccrualRules(BaseModel):
    """When interest that was not received stops being income."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["reverse_to_memo", "suspense"] = Field(
        description="interest goes to memorandum accounts with no receivable, or the receivable stays with a suspense against it"
    )
    days_past_due: Days = Field(
        default=90, ge=1, description="days past due from which interest is no income"
    )
    returns_after_days: Days = Field(
        default=0, description="days without arrears until interest is income again"
    )


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


class ChargeOffRules(BaseModel):
    """When a loan is taken off the books by rule, without an order.

    The US uniform retail credit policy (65 FR 36903) has 120 days past due for closed-end loans
    and 180 for open-end and residential ones, by the end of that month.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days_past_due: Days = Field(ge=1, description="days past due at which the loan is charged off")
    at: Literal["day", "month_end"] = Field(
        default="month_end", description="on the day that it is so late, or at that month's end"
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
