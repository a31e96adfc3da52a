"""What a product file may say: its schedule, its interest, its money, its books."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from fractions import Fraction
from typing import Literal

from pydantic import Field, model_validator

from loanbook.core.catalogue.codes import RUNNING_TAKES_ALL
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.contract.money import EXPONENT
from loanbook.core.policy.base import Minor, Name, Policy
from loanbook.core.policy.product_rules.endings import (
    ChargeOffRules,
    NonAccrualRules,
    SmallCreditRules,
)
from loanbook.core.policy.product_rules.interest import FloatingRate, InterestRules, PenalRules
from loanbook.core.policy.product_rules.payments import PaymentRules
from loanbook.core.policy.product_rules.payouts import Bounds, LineRules, PayoutRules
from loanbook.core.policy.product_rules.schedule import ScheduleRules

HIGHEST_DAILY_FLOOR = 20
"""Per cent a day: a month's factor at it still fits what factors are held in."""


class Product(Policy):
    """A loan product; a loan pins one version at boarding."""

    kind: Literal["instalment", "line_of_credit"] = Field(
        default="instalment", description="a loan with instalments, or a revolving line of credit"
    )
    entity: Name = Field(description="the lender's book that its loans stand in")
    currency: str = Field(description="ISO 4217 code; amounts of its loans are in it")
    bounds: Bounds = Field(default=Bounds(), description="what may be applied for")
    schedule: ScheduleRules = Field(description="how instalments are made")
    interest: InterestRules = Field(description="how interest is earned")
    payments: PaymentRules = Field(default=PaymentRules(), description="where money goes")
    payouts: PayoutRules = Field(
        default=PayoutRules(), description="how much may be lent beyond what was agreed"
    )
    floating: FloatingRate | None = Field(
        default=None, description="how the rate follows an index; none: the rate is fixed"
    )
    line: LineRules | None = Field(
        default=None, description="rules of a line of credit; needs `kind: line_of_credit`"
    )
    day_order: Literal["steps", "sequence"] = Field(
        default="steps",
        description="events of one day by the steps of the close, or as they came",
    )
    accounting: Literal["accrual", "cash"] = Field(
        default="accrual",
        description="interest, fees and penalties are income when earned, or when received",
    )
    non_accrual: NonAccrualRules | None = Field(
        default=None, description="when interest stops being income; none: never"
    )
    charge_off: ChargeOffRules | None = Field(
        default=None, description="when a loan is taken off the books by rule; none: by order alone"
    )
    deferred_income: Literal["interest", "fee"] = Field(
        default="interest", description="what deferred fees are taken as, over the loan's life"
    )
    buy_down: Literal["received", "expensed"] = Field(
        default="received",
        description="who pays for a bought-down rate: another, or the lender itself",
    )
    small_balance_minor: Minor = Field(
        default=0,
        description="a claim of no more than this that is left after the last instalment is given up",
    )
    small_credit: SmallCreditRules | None = Field(
        default=None, description="what becomes of a borrower's small credit; none: it waits"
    )
    late_fee: Name | None = Field(default=None, description="policy of late_fees; none: no fee")
    penal: PenalRules | None = Field(
        default=None, description="what overdue money bears beside the interest; none: nothing"
    )
    origination_fee: Name | None = Field(
        default=None, description="policy of origination_fees; none: no fee"
    )
    returned_payment_fee: Name | None = Field(
        default=None, description="policy of fees with `event: returned_payment`; none: no fee"
    )
    prepayment_fee: Name | None = Field(
        default=None, description="policy of fees with `event: prepayment`; none: no fee"
    )
    annual_fee: Name | None = Field(
        default=None, description="policy of fees with `event: annual`; none: no fee"
    )
    tax: Name | None = Field(default=None, description="policy of taxes; none: no tax")
    ceilings: list[Name] = Field(default=[], description="rate ceilings by law that bind its loans")
    delinquency: Name = Field(
        default="standard", description="policy of delinquency: when a loan counts as late"
    )
    approvals: Name = Field(
        default="standard", description="policy of approvals: what one person may order"
    )
    accounts: Name = Field(
        default="standard", description="policy of accounts: the numbers of the general ledger"
    )

    @model_validator(mode="after")
    def _books(self) -> Product:
        if self.currency not in EXPONENT:
            raise ValueError(
                f"currency {self.currency!r} has no ISO 4217 exponent in loanbook.core.contract"
            )
        if self.accounting == "cash" and self.non_accrual is not None:
            raise ValueError("non_accrual needs accounting: accrual; cash books no accruals")
        if self.interest.charge_off_claims == "scheduled" and (
            self.interest.after_charge_off != "regular"
        ):
            raise ValueError(
                "interest.charge_off_claims: scheduled needs interest.after_charge_off: regular"
            )
        if self.schedule.amortisation == "flat" and self.interest.accrual == "daily":
            raise ValueError("a flat loan accrues by schedule: set interest.accrual: scheduled")
        if self.schedule.rate_basis == "effective" and (
            self.interest.accrual == "daily" or self.schedule.amortisation == "flat"
        ):
            raise ValueError(
                "schedule.rate_basis: effective needs interest.accrual: scheduled and another "
                "amortisation than flat"
            )
        if self.schedule.flat_interest == "by_days" and self.schedule.rate_basis == "effective":
            raise ValueError(
                "schedule.flat_interest: by_days needs another rate_basis than effective"
            )
        rebate, daily = self.interest.rebate, self.interest.accrual == "daily"
        if (rebate == "full_period" and not daily) or (rebate == "rule_of_78" and daily):
            raise ValueError(
                "interest.rebate: full_period needs accrual: daily, rule_of_78 accrual: scheduled"
            )
        if rebate == "rule_of_78" and self.currency == "USD" and self.bounds.instalments[1] > 61:
            raise ValueError(
                "interest.rebate: rule_of_78 is barred in the United States above 61 months; set "
                "bounds.instalments"
            )
        if self.interest.interest_due_at == "payment_date" and (
            not daily or self.schedule.materialised or self.line is not None
        ):
            raise ValueError(
                "interest.interest_due_at: payment_date needs interest.accrual: daily and an "
                "instalment loan that bills step by step"
            )
        rules = ("overdue_principal", "unpaid_down_payment")
        free = [name for name in rules if getattr(self.interest, name) == "bears_none"]
        if free and not daily:
            raise ValueError(
                f"interest.{free[0]}: bears_none needs interest.accrual: daily; scheduled "
                "interest does not follow the balance"
            )
        if self.floating is not None and self.interest.accrual != "daily":
            raise ValueError("floating needs interest.accrual: daily; the rate follows its index")
        floor = Fraction((self.floating and self.floating.floor_percent) or 0)
        if self.schedule.rate_basis == "daily" and floor > HIGHEST_DAILY_FLOOR:
            raise ValueError(
                f"floating.floor_percent: {floor} % a day is beyond what a schedule can be reckoned at; "
                f"with rate_basis: daily write {HIGHEST_DAILY_FLOOR} or less"
            )
        return self

    @model_validator(mode="after")
    def _schedule_that_stands(self) -> Product:
        schedule, interest = self.schedule, self.interest
        follows = interest.accrual == "daily" and schedule.amortisation == "equal_instalment"
        alike = not (schedule.season or schedule.step_up)
        if schedule.tranches == "own_term" and not (follows and alike):
            raise ValueError(
                "schedule.tranches: own_term needs equal instalments, all alike, with "
                "interest.accrual: daily"
            )
        if not schedule.materialised:
            if schedule.down_payment_ppb and not follows:
                raise ValueError(
                    "schedule.down_payment_ppb needs schedule.materialised: true, or equal "
                    "instalments with interest.accrual: daily"
                )
            for name, value in (("charges", "own_date"), ("prepaid_at_payout", "reallocated")):
                if getattr(self.payments, name) == value:
                    raise ValueError(f"payments.{name}: {value} needs schedule.materialised: true")
            if schedule.tranches == "all":
                raise ValueError("schedule.tranches: all needs schedule.materialised: true")
            return self
        if interest.accrual == "daily" or interest.rebate != "none":
            raise ValueError(
                "schedule.materialised needs interest.accrual: scheduled and interest.rebate: "
                "none; what is to come is fixed then"
            )
        if schedule.shortfall == "capitalise" or schedule.last_instalment == "level":
            raise ValueError(
                "schedule.shortfall: capitalise and last_instalment: level need "
                "schedule.materialised: false"
            )
        return self

    @model_validator(mode="after")
    def _revolves(self) -> Product:
        if (self.kind == "line_of_credit") != (self.line is not None):
            raise ValueError(
                "kind: line_of_credit goes with the rules of `line`, each needs the other"
            )
        if self.line is None:
            return self
        schedule, interest, payments = self.schedule, self.interest, self.payments
        excesses = {payments.excess, *(rule.excess for rule in payments.by_kind.values())}
        wanted = {
            "schedule.amortisation": (schedule.amortisation, "interest_only"),
            "schedule.business_day": (schedule.business_day, "unadjusted"),
            "schedule.stub_interest": (schedule.stub_interest, "level"),
            "interest.accrual": (interest.accrual, "daily"),
            "interest.rebate": (interest.rebate, "actuarial"),
            "interest.rounded": (interest.rounded, "period"),
            "interest.after_charge_off": (interest.after_charge_off, "accelerate_maturity"),
            "payments.excess": (*excesses, "next_then_principal"),
        }
        for field, values in wanted.items():
            if set(values) != {values[-1]}:
                raise ValueError(f"a line of credit needs {field}: {values[-1]}")
        if schedule.rate_basis in ("period", "30/360", "effective"):
            raise ValueError("a line of credit needs a schedule.rate_basis that counts days")
        if self.prepayment_fee or payments.chargeback or schedule.shortfall == "capitalise":
            raise ValueError(
                "a line of credit has no payments.chargeback, no schedule.shortfall: capitalise "
                "and no prepayment_fee"
            )
        return self

    @property
    def of_merchant(self) -> bool:
        """Whether the payout goes to a merchant."""
        told = self.payouts.merchant
        return Kind.merchant_refund.name in self.payments.by_kind if told is None else told

    def _running(self, spreads: AbstractSet[str]) -> None:
        """What a running instalment that takes all money needs; `spreads`: every `excess` of the product."""
        takes_all = spreads & {each.name for each in RUNNING_TAKES_ALL}
        if not takes_all:
            return
        name, schedule, interest = min(takes_all), self.schedule, self.interest
        wanted = {
            "the same excess for every kind of money": len(spreads) == 1,
            "interest.accrual: daily": interest.accrual == "daily" and not schedule.materialised,
            "schedule.amortisation: equal_instalment": schedule.amortisation == "equal_instalment",
            "interest.interest_due_at: due_date": interest.interest_due_at == "due_date",
            "interest.covered_instalment: bears_its_nights": interest.covered_instalment != "fixed",
            "schedule.tranches: to_come": schedule.tranches == "to_come",
            "schedule.business_day: unadjusted, or adjust_accrual: true": (
                schedule.business_day == "unadjusted" or schedule.adjust_accrual
            ),
        }
        for need, met in wanted.items():
            if not met:
                raise ValueError(f"payments.excess {name} needs {need}")

    @model_validator(mode="after")
    def _money(self) -> Product:
        daily, whole = self.interest.accrual == "daily", self.schedule.materialised
        spreads = {self.payments.excess, *(rule.excess for rule in self.payments.by_kind.values())}
        if not daily and self.payments.excess == "next_then_principal":
            raise ValueError(
                "payments.excess next_then_principal needs interest.accrual: daily; a scheduled "
                "product takes next_instalment or last_instalment"
            )
        off_balance = spreads & {"curtailment", "recast"}
        if off_balance and (not daily or whole):
            raise ValueError(
                f"payments.excess {min(off_balance)} needs interest.accrual: daily and no "
                "schedule.materialised: where the schedule fixes the interest, take last_instalment"
            )
        if "recast" in spreads and self.schedule.amortisation != "equal_instalment":
            raise ValueError("payments.excess recast needs schedule.amortisation: equal_instalment")
        self._running(spreads)
        if self.payments.chargeback and not (whole or daily):
            raise ValueError(
                "payments.chargeback needs interest.accrual: daily or schedule.materialised: true"
            )
        if not whole and not daily and "spread" in spreads:
            raise ValueError(
                "payments.excess spread needs schedule.materialised: true or interest.accrual: daily"
            )
        if not whole and not daily and "next_then_last" in spreads:
            raise ValueError(
                "payments.excess next_then_last needs interest.accrual: daily or "
                "schedule.materialised: true"
            )
        return self
