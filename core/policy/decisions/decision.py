"""A policy of decisions: rules, scorecard, grades with prices and limits, affordability."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loanbook.core.policy.base import HashedPolicy, Minor, Name, Reason
from loanbook.core.policy.decisions.conditions import Condition, compares_alike, compiled
from loanbook.core.policy.decisions.scorecard import (
    Affordability,
    GradeBand,
    InputName,
    Scorecard,
)

MOST_RULES = 62
"""Rules of a policy: hits are kept as bits of one whole number."""
OWN_REASONS = ("amount_not_affordable", "amount_above_limit", "amount_below_minimum", "term_not_offered",
               "points_too_low", "missing_input", "mistyped_input", "no_policy")  # fmt: skip
"""Reasons that no rule gives; a rule has another code."""


class Rule(BaseModel):
    """A rule: where its condition holds, the application is declined or referred to a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Reason = Field(description="its name, a reason code")
    group: Literal["eligibility", "affordability", "fraud", "velocity", "referral"] = Field(
        description="what it looks after; reports count by it"
    )
    when: str = Field(
        min_length=3,
        description="condition in SQL over inputs; where an input of it is missing it is unknown, and the application "
        "is referred with the input named",
    )
    then: Literal["decline", "refer"] = Field(description="what is done where it holds")
    weight: int = Field(
        default=100, ge=1, le=10_000,
        description="ranks reasons: the heaviest are told first; points lost are ranked beside it",
    )  # fmt: skip
    says: str = Field(min_length=8, description="the reason in the applicant's words")
    may_be_missing: list[InputName] = Field(
        default=[],
        description="inputs of the condition whose absence tells something: months since what never happened; "
        "without them the rule doesn't hold",
    )

    @field_validator("when")
    @classmethod
    def _evaluates(cls, text: str) -> str:
        compiled(text)
        return text

    @model_validator(mode="after")
    def _reads(self) -> Rule:
        unread = [n for n in self.may_be_missing if n not in self.condition.inputs]
        if unread:
            raise ValueError(f"may_be_missing: {unread[0]} is not read by the condition")
        if self.code in OWN_REASONS:
            raise ValueError(f"code: {self.code} is a reason of loanbook's own; take another")
        return self

    @cached_property
    def condition(self) -> Condition:
        """Its condition, compiled."""
        return compiled(self.when)

    @property
    def needs(self) -> list[str]:
        """Inputs without which it is unknown."""
        return [name for name in self.condition.inputs if name not in self.may_be_missing]


class DecisionPolicy(HashedPolicy):
    """What becomes of applications for a product: approved on which terms, referred, or rejected."""

    product: Name = Field(description="product that it decides on")
    role: Literal["champion", "challenger"] = Field(
        default="champion",
        description="champion: it decides; challenger: it is compared with the champion, and decides nothing",
    )
    rules: list[Rule] = Field(
        min_length=1,
        max_length=MOST_RULES,
        description="rules; each is evaluated for every application",
    )
    scorecard: Scorecard = Field(description="points")
    grades: list[GradeBand] = Field(
        min_length=1,
        description="from the best down; below the last one the application is rejected",
    )
    points_say: str = Field(
        default="Your application did not reach the points that we ask for.", min_length=8,
        description="what is told where points are too low and no characteristic cost any",
    )  # fmt: skip
    minimum_minor: Minor = Field(description="the least that is lent, minor units")
    above_limit: Literal["reduce", "refer", "decline"] = Field(
        default="reduce", description="what is done where more is asked than the grade allows"
    )
    affordability: Affordability = Field(description="what the applicant can bear")

    @model_validator(mode="after")
    def _whole(self) -> DecisionPolicy:
        codes = [rule.code for rule in self.rules]
        twice = {code for code in codes if codes.count(code) > 1}
        if twice:
            raise ValueError(f"rules: {min(twice)} stands twice; give each rule a code of its own")
        names = [band.grade for band in self.grades]
        if len(set(names)) < len(names):
            raise ValueError("grades: a grade stands twice")
        if any(a.from_points <= b.from_points for a, b in pairwise(self.grades)):
            raise ValueError("grades: from_points must descend, the best grade first")
        if min(band.maximum_minor for band in self.grades) < self.minimum_minor:
            raise ValueError(
                "grades: a maximum_minor is below minimum_minor: nothing could be lent"
            )
        return self

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Inputs that it reads, sorted."""
        found = {name for rule in self.rules for name in rule.condition.inputs}
        found |= {each.input for each in self.scorecard.characteristics}
        found |= {*self.affordability.income, self.affordability.obligations, "amount", "term"}
        return tuple(sorted(found))

    def compared_unlike(self) -> list[str]:
        """Rules whose condition compares what is not alike (`compares_alike`), each with why. Asked of a version before it
        decides, not when it is read: what decided once is read for ever."""
        found = []
        for rule in self.rules:
            try:
                compares_alike(rule.when)
            except ValueError as bad:
                found.append(f"rule {rule.code}: {bad}")
        return found

    def words(self) -> dict[str, str]:
        """Every reason that it may give, by its code, in the applicant's words."""
        own = {
            "amount_not_affordable": self.affordability.says,
            "amount_above_limit": "The amount asked for is more than we lend to applicants with your credit profile.",
            "amount_below_minimum": "What we could lend is less than the least amount of this product.",
            "term_not_offered": "The term asked for is not offered to applicants with your credit profile.",
            "points_too_low": self.points_say,
        }
        lost = {f"points_{each.input}": each.says for each in self.scorecard.characteristics}
        return {rule.code: rule.says for rule in self.rules} | own | lost
