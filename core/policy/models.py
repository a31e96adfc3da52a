"""What a policy file may say. Frozen pydantic models; unknown fields are refused.

The product's, the largest of them, stand in `loanbook.core.policy.product`.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from loanbook.core.catalogue.accounts import ROLES
from loanbook.core.catalogue.components import NAMES, completed_order
from loanbook.core.catalogue.events import EVENTS
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.jurisdiction import CODE
from loanbook.core.policy.base import (
    AS_STORED,
    ComponentName,
    Count,
    CountingName,
    Days,
    Minor,
    NotBelowZero,
    OfLawOrContract,
    Policy,
    Reason,
    RoundingName,
    TaxableName,
    kind_among,
    named_once,
)
from loanbook.core.policy.decisions.adverse_action import AdverseAction
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.duplicates import DuplicateRules
from loanbook.core.policy.decisions.partners import ApplicationMapping
from loanbook.core.policy.decisions.screening import ScreeningRules
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.policy.file_mappings import CommandMapping, PaymentMapping, TapeMapping
from loanbook.core.policy.lending.agreements import AgreementRules
from loanbook.core.policy.lending.closure_rules import ClosureRules
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.core.policy.lending.collection_queues import CollectionQueue
from loanbook.core.policy.lending.contact_rules import ContactRules
from loanbook.core.policy.lending.promise_rules import PromiseRules
from loanbook.core.policy.lending.reminder_rules import ReminderRules
from loanbook.core.policy.lending.settlement_rules import SettlementRules
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.policy.payments.bank_accounts import BankAccount
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.policy.product import Product
from loanbook.core.policy.rights.misuse import MisuseRules
from loanbook.core.policy.rights.providers import IdentityProvider
from loanbook.core.policy.rights.roles import ApprovalRules, Role
from loanbook.core.policy.risk.alerts import AlertRules
from loanbook.core.policy.risk.credit_reporting import CreditReporting
from loanbook.core.policy.risk.scenarios import Scenario

TIMINGS = ("past_due", "due", "in_advance")


class Waterfall(Policy):
    """The order in which money meets dues."""

    direction: Literal["horizontal", "vertical"] = Field(
        default="horizontal",
        description="instalment by instalment, each in the order (horizontal), or step by step over all instalments (vertical)",
    )
    order: list[str] = Field(min_length=1, description="timing.component, first paid first")

    @field_validator("order")
    @classmethod
    def _whole(cls, order: list[str]) -> list[str]:
        return completed_order(order, TIMINGS)

    @model_validator(mode="after")
    def _complete(self) -> Waterfall:
        known = {f"{t}.{c}" for t in TIMINGS for c in NAMES}
        unknown = [step for step in self.order if step not in known]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no step; use timing.component of {sorted(known)}")
        missing = known - set(self.order)
        if missing or len(self.order) != len(known):
            raise ValueError(f"order must name each step once; missing {sorted(missing)}")
        return self


class FeeAmount(BaseModel):
    """A flat sum and a percentage of what the fee is on, between a floor and a cap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percent_ppb: int = Field(default=0, ge=0, le=10**9, description="of the fee's base")
    flat_minor: Minor = Field(default=0, description="added to the percentage, minor units")
    minimum_minor: Minor = Field(default=0, description="the fee is never less, minor units")
    maximum_minor: Minor | None = Field(
        default=None, description="the fee is never more, minor units; none: no cap"
    )


Jurisdictions = Annotated[
    dict[Annotated[str, StringConstraints(pattern=CODE)], FeeAmount],
    Field(
        default={},
        description="what the law of a place has instead (ISO 3166: US, US-CA); it stands whole, "
        "nothing is taken from the general rule; amounts of zero forbid the fee",
    ),
]


class LateFee(OfLawOrContract, Policy, FeeAmount):
    """A fee once per instalment that is unpaid after grace, on its principal and interest."""

    grace_days: Days = Field(description="days past the due date on which no fee is asked")
    rounding: RoundingName = Field(default="half_even", description="how the fee is rounded")
    by_jurisdiction: Jurisdictions


class Fee(OfLawOrContract, Policy, FeeAmount):
    """A fee that something calls for: a returned payment, an early payoff, another year."""

    event: Literal["returned_payment", "prepayment", "annual"] = Field(
        description="what calls for it"
    )
    of: Literal["agreed", "principal"] = Field(
        default="principal",
        description="what a percentage is of: the amount agreed (of a line its limit), or the "
        "principal that is prepaid, or owed on the day",
    )
    within_instalments: Count | None = Field(
        default=None, description="prepayment: none once so many instalments were billed"
    )
    reasons: list[str] = Field(
        default=["returned_unpaid", "insufficient_funds"],
        description="returned_payment: reason codes of the reversals that call for it",
    )
    rounding: RoundingName = Field(default="half_even", description="how the fee is rounded")
    by_jurisdiction: Jurisdictions

    @model_validator(mode="after")
    def _base(self) -> Fee:
        shares = [self.percent_ppb, *(each.percent_ppb for each in self.by_jurisdiction.values())]
        if self.event == "returned_payment" and any(shares):
            raise ValueError("percent_ppb: a returned payment costs a flat sum; use flat_minor")
        return self


class Tax(Policy):
    """A tax on what a borrower is asked: GST, VAT or a stamp duty on fees and interest."""

    of: list[TaxableName] = Field(description="what it is on; nothing: the law asks none any more")
    rate_ppb: int = Field(ge=0, le=10**9, description="share of what is asked")
    by_jurisdiction: dict[
        Annotated[str, StringConstraints(pattern=CODE)], Annotated[int, Field(ge=0, le=10**9)]
    ] = Field(
        default={},
        description="rate of a place (ISO 3166: IN, US-CA) instead of `rate_ppb`, parts per billion",
    )
    rounding: RoundingName = Field(default="half_even", description="how the tax is rounded")
    source: str = Field(default="", description="the law, and where its text is to be found")

    @field_validator("of")
    @classmethod
    def _once(cls, of: list[str]) -> list[str]:
        return named_once(of)

    @property
    def of_law(self) -> bool:
        """A tax is what the law says on the day of the charge."""
        return True


class RateCeiling(Policy):
    """The most that a law lets a loan cost; where it binds, the loan bears that and no more."""

    source: str = Field(min_length=1, description="the law and its section")
    measure: Literal["rate", "apr"] = Field(
        description="rate: the yearly rate of interest; apr: the annual percentage rate with the "
        "fees of the payout, as Regulation Z Appendix J has it"
    )
    percent: NotBelowZero = Field(description="the most that the measure may be")
    while_flagged: Literal["active_duty"] | None = Field(
        default=None,
        description="binds while the borrower is flagged so, and the agreed rate comes back "
        "after; none: binds at boarding",
    )

    @property
    def of_law(self) -> bool:
        """A ceiling is what the law says on the day that it binds."""
        return True

    @model_validator(mode="after")
    def _measured(self) -> RateCeiling:
        if (self.measure == "rate") != (self.while_flagged is not None):
            raise ValueError(
                "measure: rate goes with while_flagged, measure: apr binds at boarding; for a "
                "plain bound of the rate use the product's bounds.rate_percent"
            )
        return self


class OriginationFee(OfLawOrContract, Policy, FeeAmount):
    """A fee for paying out, taken at disbursement: out of the payout, or paid beside it."""

    collected: Literal["deducted", "up_front"] = Field(
        default="deducted", description="taken out of the payout, or paid beside it"
    )
    of: Literal["principal", "interest", "principal_and_interest"] = Field(
        default="principal", description="what the percentage is of: the payout, the interest of "
        "the schedule that it makes, or both",
    )  # fmt: skip
    percent_ppb: int = Field(default=0, ge=0, lt=10**9, description="of what `of` names")
    recognition: Literal["immediate", "straight_line", "effective_interest"] = Field(
        default="immediate", description="as income at once, evenly over the loan's life, or at the "
        "effective rate of what the loan is carried at; what else the loan defers goes the same way",
    )  # fmt: skip
    every_payout: bool = Field(default=False, description="on each tranche, not the first alone")
    rounding: RoundingName = Field(default="half_even", description="how the fee is rounded")

    @model_validator(mode="after")
    def _tranches(self) -> OriginationFee:
        if self.every_payout and self.of != "principal" and self.percent_ppb:
            raise ValueError("of: a tranche has no interest of its own; set of: principal")
        return self


class Delinquency(Policy):
    """When a loan counts as late."""

    convention: CountingName = Field(
        default="days_after_due",
        description="days since the due date, or those and the due date itself (RBI)",
    )
    components: list[ComponentName] = Field(
        default=[
            "principal",
            "interest",
        ],
        description="what counts as arrears when it is unpaid",
    )
    tolerance_minor: Minor = Field(
        default=0, description="arrears of no more than this do not count, minor units"
    )
    tolerance_ppb: int = Field(
        default=0, ge=0, le=10**9, description="of what the instalment asked"
    )
    grace_days: Days = Field(default=0, description="days past due that do not count as delinquent")
    difficulty_reasons: list[Reason] = Field(
        default=["hardship", "financial_difficulty"],
        description="reasons of an order that say that the borrower is in financial difficulty; a "
        "concession for one of them is forbearance",
    )


class Approvals(Policy):
    """Orders that one person may give: below an amount, of kinds that give the borrower something.

    Every other order has a maker and a checker. Money that leaves and changes of the contract always do.
    """

    one_person_below_minor: dict[
        Annotated[str, kind_among(row.kind for row in EVENTS if row.alone)],
        Annotated[Minor, Field(gt=0)],
    ] = Field(default={}, description="kind of event: an order of less needs no checker")


class Bucket(BaseModel):
    """A range of days past due, both ends included; no upper end means open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(description="its name on pages")
    from_days: Days = Field(
        description="first day past due of the range; it ends before the next one"
    )


class Buckets(Policy):
    """A partition of days past due into labelled ranges."""

    ranges: list[Bucket] = Field(min_length=1, description="from 0 up, in ascending order")

    @model_validator(mode="after")
    def _ascending(self) -> Buckets:
        starts = [each.from_days for each in self.ranges]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("ranges must start at 0 and ascend without repeating")
        return self


class Accounts(Policy):
    """The lender's account number for every role."""

    numbers: dict[str, str] = Field(description="account number by role; every role has one")

    @model_validator(mode="after")
    def _all_roles(self, info: ValidationInfo) -> Accounts:
        stored = info.context == AS_STORED  # by a release that had fewer roles
        missing = [role for role in ROLES if role not in self.numbers and not stored]
        unknown = [role for role in self.numbers if role not in ROLES]
        if missing or unknown:
            raise ValueError(f"roles missing: {missing or 'none'}; unknown: {unknown or 'none'}")
        return self

    def with_new_roles(self, chart: Accounts) -> Accounts:
        """This chart as it was used, with the numbers of `chart` for roles that have come since."""
        return self.model_copy(update={"numbers": {**chart.numbers, **self.numbers}})


class HolidayCalendar(Policy):
    """Frozen holidays; where they were drawn from stands in the file."""

    source: str = Field(description="where the holidays were drawn from")
    weekend: list[Annotated[int, Field(ge=1, le=7)]] = Field(
        default=[6, 7], description="weekdays that are no business days, Monday is 1"
    )
    holidays: list[dt.date] = Field(default=[], description="dates that are no business days")

    @field_validator("weekend")
    @classmethod
    def _leaves_a_business_day(cls, weekend: list[int]) -> list[int]:
        if len(set(weekend)) == 7:
            raise ValueError(
                "all seven days are weekend, so no due date could move to a business day; leave one out"
            )
        return weekend

    @property
    def days(self) -> Calendar:
        """Its business days."""
        return Calendar(self.name, tuple(self.holidays), tuple(self.weekend))


FOLDERS: dict[str, type[Policy]] = {
    "products": Product,
    "waterfalls": Waterfall,
    "late_fees": LateFee,
    "origination_fees": OriginationFee,
    "fees": Fee,
    "taxes": Tax,
    "rate_ceilings": RateCeiling,
    "delinquency": Delinquency,
    "approvals": Approvals,
    "buckets": Buckets,
    "scenarios": Scenario,
    "accounts": Accounts,
    "calendars": HolidayCalendar,
    "tapes": TapeMapping,
    "payment_files": PaymentMapping,
    "command_files": CommandMapping,
    "originators": Originator,
    "return_codes": ReturnCodes,
    "roles": Role,
    "approval_rules": ApprovalRules,
    "misuse_rules": MisuseRules,
    "identity_providers": IdentityProvider,
    "agreements": AgreementRules,
    "credit_reporting": CreditReporting,
    "bank_accounts": BankAccount,
    "receipt_matching": ReceiptMatching,
    "collection_files": CollectionMapping,
    "decisions": DecisionPolicy,
    "underwriting": UnderwritingPolicy,
    "screening": ScreeningRules,
    "duplicates": DuplicateRules,
    "adverse_action": AdverseAction,
    "application_files": ApplicationMapping,
    "contact_rules": ContactRules,
    "alert_rules": AlertRules,
    "promise_rules": PromiseRules,
    "collection_queues": CollectionQueue,
    "settlement_rules": SettlementRules,
    "reminders": ReminderRules,
    "closure": ClosureRules,
    "collection_agencies": CollectionAgency,
}
"""Folder of `data/policies/` and the model its files follow. A new kind is added here."""
FOLDER_OF = {model: folder for folder, model in FOLDERS.items()}
"""The folder that the files of a model are in."""
