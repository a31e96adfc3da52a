"""Reminders: when a borrower is reminded of what, by which channel, in which words, and how often a failed one is tried."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loanbook.core.policy.base import Days, Name, Policy, named_once
from loanbook.core.policy.lending.collection_queues import Code
from loanbook.core.policy.lending.contact_rules import Clock, is_zone

OCCASIONS = {
    "due": "so many days or fewer before an instalment falls due",
    "past_due": "so many days past due, or more",
    "promise_due": "so many days or fewer before a promised payment is due",
    "promise_broken": "so many days after the last day that would have kept a promised payment, or more",
}
"""What reminds, and how its days count."""
SENT_BY = ("email", "sms", "chat")
"""Channels of the contact log by which reminders go out."""
PLACEHOLDERS = ("amount", "currency", "due_date", "days_past_due", "loan", "lender")
"""What stands in a text in braces: of the loan, and nothing of the person."""
OccasionName = Literal["due", "past_due", "promise_due", "promise_broken"]
SentBy = Literal["email", "sms", "chat"]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReminderStep(_Part):
    """One reminder: of several that fall on a loan's day the first of the list goes out."""

    name: Name = Field(description="its name")
    occasion: OccasionName = Field(
        description="; ".join(f"`{name}`: {means}" for name, means in OCCASIONS.items())
    )
    days: Annotated[int, Field(ge=0, le=366)] = Field(description="days before or after it")
    within_days: Annotated[int, Field(ge=1, le=31)] = Field(
        default=3,
        description="it goes out on the first of so many days that the ledger is closed up to; after that no more",
    )
    at: Clock = Field(description="from this time of the borrower's day on: 10:00")
    channels: list[SentBy] = Field(
        min_length=1,
        description="the first by which the borrower has an address, the lender a service and contact rules no objection",
    )
    products: list[Name] = Field(default=[], description="products of its loans; none: any")

    @field_validator("channels")
    @classmethod
    def _once(cls, channels: list[str]) -> list[str]:
        return named_once(channels)


class Template(_Part):
    """The words of a step, by language and product. The first of the list that fits a loan counts."""

    step: Name = Field(description="name of the step")
    language: Code = Field(description="language of its words, as the attribute `language` has it")
    products: list[Name] = Field(default=[], description="products of its loans; none: any")
    channels: list[SentBy] = Field(default=[], description="channels that it is for; none: any")
    subject: Annotated[str, Field(max_length=200)] = Field(
        default="", description="subject of mail and chat"
    )
    text: Text = Field(description=f"its words, with {', '.join(f'{{{p}}}' for p in PLACEHOLDERS)}")

    @field_validator("subject", "text")
    @classmethod
    def _known(cls, words: str) -> str:
        try:
            parts = [*Formatter().parse(words)]
        except ValueError as error:
            raise ValueError(
                f"its braces can't be read ({error}); write {{{{ for one of its own"
            ) from None
        for _, name, form, conversion in parts:
            if name is not None and (name not in PLACEHOLDERS or form or conversion):
                raise ValueError(f"{{{name}}} is nothing that can stand there; use {', '.join(f'{{{p}}}' for p in PLACEHOLDERS)}")  # fmt: skip
        return words


class ReminderPlace(_Part):
    """Where reminders are judged by which contact rules. A loan is of the first place that it fits."""

    regions: list[Code] = Field(
        default=[], description="jurisdictions of its loans: US, or US-CA alone; none: any"
    )
    contact_rules: Name = Field(description="contact rules by which its borrowers are reminded")
    zone: Code = Field(
        description="time zone of borrowers of whom the contact log has none: America/Chicago"
    )

    @field_validator("zone")
    @classmethod
    def _a_zone(cls, zone: str) -> str:
        if not is_zone(zone):
            raise ValueError(f"zone: {zone!r} is no time zone; write it like America/Chicago")
        return zone


class ReminderRules(Policy):
    """Reminders of what falls due, is late or was promised."""

    after_crash: Literal["never", "again"] = Field(
        default="never",
        description="what becomes of a reminder of which a run that was killed tells only that it was being sent: never: it "
        "counts as sent (at most once); again: it is sent again (at least once)",
    )
    tries: Annotated[int, Field(ge=1, le=10)] = Field(
        default=2, description="how often a reminder that a service refused is tried on its day"
    )
    language: Code = Field(
        default="en", description="language of borrowers of whom none is known, or no template has"
    )
    least_days_apart: Days = Field(
        default=0,
        description="days from one reminder of a loan to the next, both counted; 0: no more than one a day",
    )
    places: list[ReminderPlace] = Field(min_length=1, description="from the special to the general")
    steps: list[ReminderStep] = Field(min_length=1, max_length=50, description="the most urgent first")  # fmt: skip
    templates: list[Template] = Field(min_length=1, max_length=500, description="words of each step")  # fmt: skip

    @model_validator(mode="after")
    def _whole(self) -> ReminderRules:
        names = named_once([each.name for each in self.steps])
        for each in self.templates:
            if each.step not in names:
                raise ValueError(f"templates: {each.step!r} is no step; use one of {', '.join(names)}")  # fmt: skip
        for name in names:
            mine = [each for each in self.templates if each.step == name]
            if not any(each.language == self.language and not each.products and not each.channels for each in mine):  # fmt: skip
                raise ValueError(
                    f"templates: the step {name!r} has none in the language {self.language!r} for every product and channel"
                )
        if self.places[-1].regions:
            raise ValueError("places: the last is of any region, so that each loan has one; leave its regions out")  # fmt: skip
        return self
