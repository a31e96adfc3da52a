"""Who calls which late loan, and in what order: points, strategies against each other, teams with their agents."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loanbook.core.policy.base import Name, Policy, named_once
from loanbook.core.policy.decisions.scorecard import Bin, Points, must_cover
from loanbook.core.policy.lending.contact_rules import is_zone

NUMBERS = {
    "amount_due": "what is overdue or due, minor units of the loan's currency",
    "balance": "what is owed in all, minor units of the loan's currency",
    "days_past_due": "days past due",
    "roll_percent": "roll risk: of the principal that stood in the loan's bucket at a month end, what stood in a later one or was charged "
    "off a month on, over the last three, per cent; missing: nothing stood there",
    "days_since_contact": "days since the last contact, whoever began it; missing: there was none",
}
WORDS = {
    "promise": "the last promise: open, kept, partly_kept, broken, replaced; missing: there was none",
    "language": "attribute `language` of the tape",
    "region": "jurisdiction of the loan: US-CA",
    "product": "product, without its version",
}
INPUTS = NUMBERS | WORDS
"""What gives points, in words."""
Share = Annotated[int, Field(ge=1, le=100)]
InputName = Annotated[str, Field(json_schema_extra={"enum": list(INPUTS)})]
Code = Annotated[str, Field(min_length=1, max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Factor(_Part):
    """What gives points, by its value."""

    of: InputName = Field(description="; ".join(f"`{n}`: {told}" for n, told in INPUTS.items()))
    bins: list[Bin] = Field(default=[], description="of a number: ranges from below upwards")
    words: dict[str, Points] = Field(default={}, description="of a word: points by word")
    other: Points = Field(default=0, description="points of a word that is not listed")
    missing: Points = Field(default=0, description="points where it is missing")

    @model_validator(mode="after")
    def _covers(self) -> Factor:
        if self.of not in INPUTS:
            raise ValueError(f"of: {self.of!r} is no input; use one of {', '.join(INPUTS)}")
        must_cover(self.of, self.of in NUMBERS, self.bins, self.words)
        return self


class Strategy(_Part):
    """One way to order the work, tried on a share of the loans."""

    name: Name = Field(description="its name")
    share_percent: Share = Field(description="share of the loans, by the hash of their keys")
    factors: list[Factor] = Field(min_length=1, max_length=20, description="what gives points")

    @field_validator("factors")
    @classmethod
    def _once(cls, factors: list[Factor]) -> list[Factor]:
        named_once([each.of for each in factors])
        return factors


class Agent(_Part):
    """Who works a list."""

    name: Code = Field(description="name of the user, and the agent's code in the contact log")
    capacity: Annotated[int, Field(ge=1, le=10_000)] = Field(description="loans of a day")
    languages: list[Code] = Field(
        default=[], description="languages that the agent speaks; none: whatever the borrower's"
    )


class Team(_Part):
    """Agents who work the same loans. A loan is of the first team that it fits."""

    name: Name = Field(description="its name")
    supervisors: list[Code] = Field(default=[], description="users who see the whole team's loans")
    regions: list[Code] = Field(
        default=[], description="jurisdictions of its loans: US, or US-CA alone; none: any"
    )
    products: list[Name] = Field(default=[], description="products of its loans; none: any")
    from_days: Annotated[int, Field(ge=0)] = Field(
        default=0, description="of so many days past due"
    )
    to_days: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="to so many; none: any more"
    )
    contact_rules: Name = Field(description="contact rules by which its loans are called")
    zone: Code = Field(
        description="time zone of borrowers of whom the contact log has none: America/Chicago"
    )
    agents: list[Agent] = Field(min_length=1, max_length=500, description="who works its loans")

    @field_validator("zone")
    @classmethod
    def _a_zone(cls, zone: str) -> str:
        if not is_zone(zone):
            raise ValueError(f"zone: {zone!r} is no time zone; write it like America/Chicago")
        return zone

    @model_validator(mode="after")
    def _in_order(self) -> Team:
        if self.to_days is not None and self.to_days < self.from_days:
            raise ValueError(f"to_days: {self.to_days} is below from_days: {self.from_days}")
        return self


class CollectionQueue(Policy):
    """The day's work on late loans."""

    from_days_past_due: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1, description="loans of so many days past due and more are in it"
    )
    seed: Annotated[int, Field(ge=0, le=2**31)] = Field(
        default=0, description="draws the split anew: with the same one a loan keeps its strategy"
    )
    open_promise_rests: bool = Field(
        default=True, description="whether a loan with an open promise waits for its last day"
    )
    strategies: list[Strategy] = Field(
        min_length=1, max_length=10, description="the champion first; their shares are 100 together"
    )
    teams: list[Team] = Field(
        min_length=1, max_length=100, description="from the special to the general"
    )

    @model_validator(mode="after")
    def _whole(self) -> CollectionQueue:
        named_once([each.name for each in self.strategies])
        named_once([each.name for each in self.teams])
        named_once([agent.name for team in self.teams for agent in team.agents])
        shares = sum(each.share_percent for each in self.strategies)
        if shares != 100:
            raise ValueError(f"strategies: shares are {shares} together; they must be 100")
        return self
