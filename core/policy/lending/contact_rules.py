"""When and how often borrowers may be contacted, by which channel: each rule with the law that says so."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from loanbook.core.catalogue.contacts import ANSWERED_BY, CHANNELS, OUTCOMES
from loanbook.core.policy.base import Policy, named_once

CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
"""A time of day, up to the end of the day."""

Clock = Annotated[str, StringConstraints(pattern=CLOCK)]
Window = Annotated[int, Field(ge=1, le=60)]
if TYPE_CHECKING:
    ChannelName = str
    OutcomeName = str
else:
    ChannelName = Literal[CHANNELS]
    OutcomeName = Literal[tuple(OUTCOMES)]


def minute_of(clock: str) -> int:
    """Minutes from midnight to a time of day: `24:00` is 1440."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


class ContactRule(BaseModel):
    """A rule of contacts that the lender makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: list[ChannelName] = Field(min_length=1, description="channels that it is for")
    source: str = Field(min_length=1, description="the law and its section")

    @field_validator("channels")
    @classmethod
    def _once(cls, channels: list[str]) -> list[str]:
        return named_once(channels)


class Hours(ContactRule):
    """Hours of the consumer's own day in which contact is allowed."""

    opens: Clock = Field(description="first minute that is allowed: 08:00")
    closes: Clock = Field(description="first minute that is not allowed any more: 21:00")

    @model_validator(mode="after")
    def _in_order(self) -> Hours:
        if minute_of(self.opens) >= minute_of(self.closes):
            raise ValueError(f"opens: {self.opens} is not before closes: {self.closes}")
        return self


class Spaced(ContactRule):
    """A rule of consecutive days of the consumer's calendar, the day of the contact that began them being the first."""

    days: Window = Field(description="consecutive days, the first contact's own being the first")
    call_again_days: Annotated[int, Field(ge=0, le=60)] = Field(
        default=0,
        description="a contact within so many consecutive days of a request to be called is outside the rule, the day of "
        "the request being the first; 0: none is",
    )
    not_counted: list[OutcomeName] = Field(
        default=[],
        description="outcomes of contacts that are outside the rule: of a call that was not connected",
    )


class Frequency(Spaced):
    """The most contacts about a loan in some consecutive days."""

    most: Annotated[int, Field(ge=1, le=100)] = Field(description="contacts that are allowed")


class Hold(ContactRule):
    """What a consumer's notice ends until it is answered or taken back."""

    written_only: bool = Field(description="whether a notice counts only if it was in writing")


class ContactRules(Policy):
    """When a lender may contact a consumer about a loan; a rule that is left out is not asked."""

    hours: Hours | None = Field(default=None, description="hours that are allowed")
    call_frequency: Frequency | None = Field(
        default=None, description="the most contacts in some consecutive days"
    )
    after_conversation: Spaced | None = Field(
        default=None,
        description="days without a contact after one by the same channels with the consumer, whoever began it",
    )
    inconvenient_time: ContactRule | None = Field(
        default=None, description="times that the consumer called inconvenient"
    )
    inconvenient_place: ContactRule | None = Field(
        default=None, description="places that the consumer called inconvenient"
    )
    opt_out: ContactRule | None = Field(
        default=None, description="channels that the consumer opted out of"
    )
    written_stop: Hold | None = Field(default=None, description="notices to stop")
    attorney: Hold | None = Field(
        default=None, description="notices that an attorney represents the consumer"
    )
    bankruptcy: Hold | None = Field(default=None, description="notices of a petition in bankruptcy")
    dispute: Hold | None = Field(default=None, description="disputes that were not answered yet")
    hardship: Hold | None = Field(
        default=None, description="requests for relief that were not answered yet"
    )
    legal: Hold | None = Field(
        default=None, description="legal action that was neither withdrawn nor came to its end"
    )
    consent: ContactRule | None = Field(
        default=None, description="channels by which nobody is contacted who did not consent"
    )

    @model_validator(mode="after")
    def _some(self) -> ContactRules:
        if not self.rules:
            raise ValueError(f"no rule stands in it; give one of {', '.join(RULES)}")
        return self

    @property
    def rules(self) -> dict[str, ContactRule]:
        """The rules that are asked, by name."""
        named = {name: getattr(self, name) for name in RULES}
        return {name: rule for name, rule in named.items() if rule is not None}


HOLDS = {
    "written_stop": ("stop", "stop_withdrawn"),
    **{name: (name, ANSWERED_BY[name]) for name in ("attorney", "bankruptcy", "dispute", "hardship")},
    "legal": ("legal", "legal_ended"),
}  # fmt: skip
"""Rules that a notice begins and another ends: the kinds of both."""
RULES = ("hours", "call_frequency", "after_conversation", "inconvenient_time", "inconvenient_place", "opt_out",
         *HOLDS, "consent")  # fmt: skip
"""Names of rules, in the order in which breaches are told."""


def is_zone(name: str) -> bool:
    """Whether it is a time zone: that a clock of it can be read."""
    try:
        pl.Series([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]).dt.convert_time_zone(name)
    except pl.exceptions.ComputeError:
        return False
    return True
