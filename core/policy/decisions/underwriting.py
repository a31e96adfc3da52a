"""How persons decide on applications that the policy of decisions refers to them: who, up to what, past what, and why."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loanbook.core.policy.base import Days, HashedPolicy, Minor, Name, Reason
from loanbook.core.policy.decisions.decision import OWN_REASONS
from loanbook.core.policy.decisions.scorecard import Grade


class Authority(BaseModel):
    """What one who has a role may approve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Name = Field(description="role of policies/roles; it must grant case.decide too")
    most_minor: Minor = Field(description="most that it approves, minor units")
    grades: list[Grade] = Field(
        default=[], description="grades that it approves; none: each grade of the product"
    )

    def covers(self, amount: int, grade: str) -> bool:
        """Whether an approval of this amount in this grade lies within it."""
        return amount <= self.most_minor and (not self.grades or grade in self.grades)


class UnderwritingPolicy(HashedPolicy):
    """Persons' decisions on referred applications for a product."""

    product: Name = Field(description="product whose referred applications are decided by it")
    authorities: list[Authority] = Field(
        min_length=1, description="limits by role; of several roles that one has, any will do"
    )
    two_persons_from_minor: Minor = Field(
        default=0,
        description="approvals of this amount and more take a second person, whose authority covers it too; 0: each does",
    )
    two_persons_past: list[Reason] = Field(
        default=[],
        description="rules, and reasons of loanbook's own, past which an approval takes a second person whatever its amount",
    )
    never_past: list[Reason] = Field(
        default=[],
        description="rules, and reasons of loanbook's own, past which no person approves",
    )
    reasons: dict[Reason, str] = Field(
        min_length=1,
        description="why a person decides as they do, by code; persons' decisions are counted by them",
    )
    adverse_reasons: dict[Reason, str] = Field(
        default={},
        description="reasons for rejecting that stand in no rule, in the applicant's words, beside those of the policy of decisions",
    )
    information: dict[Reason, str] = Field(
        default={}, description="what may be asked of an applicant, in the applicant's words"
    )
    expires_days: Days = Field(
        default=14,
        description="days after which an approval that no second person confirmed expires",
    )

    @model_validator(mode="after")
    def _apart(self) -> UnderwritingPolicy:
        names = [each.role for each in self.authorities]
        if len(set(names)) < len(names):
            raise ValueError("authorities: a role stands twice; give it one limit")
        both = sorted({*self.never_past} & {*self.two_persons_past})
        if both:
            raise ValueError(
                f"two_persons_past: nobody approves past {both[0]} by never_past; name it once"
            )
        own = sorted({*self.adverse_reasons} & {*OWN_REASONS})
        if own:
            raise ValueError(
                f"adverse_reasons: {own[0]} is a reason of loanbook's own; take another code"
            )
        return self

    def takes_two(self, amount: int, past: list[str]) -> bool:
        """Whether an approval takes a second person."""
        return amount >= self.two_persons_from_minor or bool({*past} & {*self.two_persons_past})
