"""Points, grades, prices: what an application is worth by a policy of decisions."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import polars as pl
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from loanbook.core.catalogue.inputs import BY_NAME
from loanbook.core.policy.base import Minor, NotBelowZero

Grade = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9+-]{0,3}$")]
Points = Annotated[int, Field(ge=-100_000, le=100_000)]
Months = Annotated[int, Field(ge=1, le=600)]
SHOWN_REASONS = 4
"""Reasons that an applicant is told: 12 CFR 1002.9, comment (b)(2)-1, holds more than four to be of no help."""


def _known_input(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(f"{name!r} is no input; inputs stand in docs/policy-fields.md")
    return name


InputName = Annotated[str, AfterValidator(_known_input)]


class Bin(BaseModel):
    """Points of a range of a number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    below: int | None = Field(
        default=None, description="the range ends before it; none: the last range, open above"
    )
    points: Points = Field(description="points of the range")


def must_cover(name: str, number: bool, bins: list[Bin], words: dict[str, int]) -> None:
    """ValueError unless a number has ranges without a gap, the last open above, or a word has words; and nothing else."""
    if number != bool(bins) or number == bool(words):
        kind = "a number: give it bins" if number else "a word: give it words"
        raise ValueError(f"{name} is {kind}, and nothing else")
    ends = [each.below for each in bins]
    if ends and (ends[-1] is not None or None in ends[:-1]):
        raise ValueError(
            f"{name}: the last range, and no other, is open above: leave out its `below`"
        )
    if any(a >= b for a, b in pairwise(end for end in ends if end is not None)):
        raise ValueError(f"{name}: `below` must ascend")


def points_by(
    value: pl.Expr, bins: list[Bin], words: dict[str, int], other: int | None, missing: int | None
) -> pl.Expr:
    """Points (Int64) of a value by its range or word; of a word that is not listed `other`, of none `missing`."""
    if bins:
        given = pl.lit(bins[-1].points, dtype=pl.Int64)
        for each in bins[-2::-1]:
            points = pl.lit(each.points, dtype=pl.Int64)
            given = pl.when(value < each.below).then(points).otherwise(given)
    else:
        given = value.replace_strict(words, default=other, return_dtype=pl.Int64)
    return pl.when(value.is_null()).then(pl.lit(missing, dtype=pl.Int64)).otherwise(given)


class Characteristic(BaseModel):
    """An input with points by its value: ranges of a number, or words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: InputName = Field(description="the input")
    says: str = Field(
        min_length=8,
        description="what an applicant who is rejected by points is told where this cost most of them",
    )
    bins: list[Bin] = Field(default=[], description="of a number: ranges from below upwards")
    words: dict[str, Points] = Field(default={}, description="of a word: points by word")
    other: Points | None = Field(
        default=None, description="points of a word that is not listed; none: it is a referral"
    )
    missing: Points | None = Field(
        default=None, description="points where the input is missing; none: it is a referral"
    )

    @model_validator(mode="after")
    def _covers(self) -> Characteristic:
        must_cover(self.input, BY_NAME[self.input].type.is_integer(), self.bins, self.words)
        return self

    @property
    def most(self) -> int:
        """The most points that it gives."""
        extra = [each for each in (self.other, self.missing) if each is not None]
        return max([*(each.points for each in self.bins), *self.words.values(), *extra])


class Scorecard(BaseModel):
    """Points of an application: a base and what each characteristic gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Points = Field(default=0, description="points that everyone has")
    characteristics: list[Characteristic] = Field(
        min_length=1, max_length=40, description="what gives points"
    )

    @model_validator(mode="after")
    def _once(self) -> Scorecard:
        names = [each.input for each in self.characteristics]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"{min(twice)} gives points twice; name each input once")
        return self


class GradeBand(BaseModel):
    """A grade: from how many points on, at what price, up to what amount."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grade: Grade = Field(description="its name")
    from_points: Points = Field(description="the least points of the grade")
    rate_percent: dict[Months, NotBelowZero] = Field(
        min_length=1,
        description="rate a year by term in months; a term that is not there is not offered",
    )
    maximum_minor: Minor = Field(description="the most that is lent, minor units")


class Affordability(BaseModel):
    """How much of the income may go to debt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    income: list[InputName] = Field(
        min_length=1,
        description="incomes of a year; the least of them counts, and each must be known",
    )
    obligations: InputName = Field(description="payments on other debts a month")
    share_bp: int = Field(
        ge=1, le=10_000,
        description="part of the income that other debts and the new instalment may take, basis points",
    )  # fmt: skip
    above: Literal["reduce", "refer", "decline"] = Field(
        default="refer",
        description="what is done where they take more: lend less, refer, or decline",
    )
    says: str = Field(min_length=8, description="what an applicant is told who can't afford it")

    @model_validator(mode="after")
    def _amounts(self) -> Affordability:
        wrong = [n for n in (*self.income, self.obligations) if BY_NAME[n].unit != "minor units"]
        if wrong:
            raise ValueError(f"{wrong[0]} is no amount")
        return self
