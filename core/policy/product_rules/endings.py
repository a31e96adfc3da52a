"""When interest is no income any more, a loan leaves the books, and what becomes of a small credit."""

from __future__ import annotations

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from loanbook.core.policy.base import (
    Days,
    Minor,
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
