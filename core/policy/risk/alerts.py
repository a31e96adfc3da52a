"""What is unusual enough to tell somebody of: acts beyond their own history, what waits too long, what came close."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.policy.base import Days, Name, Policy

Number = Annotated[int, Field(ge=1, le=1_000_000)]


class History(BaseModel):
    """How a count or an amount is compared with what was usual before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_days: Annotated[int, Field(ge=1, le=366)] = Field(
        default=7, description="days that are counted together: those up to the date, and as many before, and so on"
    )  # fmt: skip
    windows: Annotated[int, Field(ge=2, le=520)] = Field(
        default=26, description="windows before the last, which it is compared with"
    )
    least_windows: Annotated[int, Field(ge=2, le=520)] = Field(
        default=8, description="whole windows that the ledger must have before the last; with fewer nothing is compared"
    )  # fmt: skip
    spreads: Annotated[int, Field(ge=1, le=100)] = Field(
        default=4, description="how many spreads above the median of the windows before; a spread is 1.4826 times the median "
        "distance from it, of a count not less than its root, nor than 1, of an amount not less than one usual act",
    )  # fmt: skip
    least_count: Number = Field(
        default=5,
        description="a window with fewer acts is not unusual in count, whatever was before",
    )
    least_count_of_amount: Number = Field(
        default=3, description="a window with fewer acts is not unusual in amount"
    )


class NearMisses(BaseModel):
    """Contacts that broke no rule, and would have by a little."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: list[Name] = Field(min_length=1, description="contact rules that are looked at, by name")
    minutes: Annotated[int, Field(ge=0, le=240)] = Field(
        default=15, description="as near as that to the hours' ends is near"
    )
    contacts: Annotated[int, Field(ge=0, le=20)] = Field(
        default=1, description="of a number of contacts that is allowed, the last so many are near"
    )
    days: Annotated[int, Field(ge=0, le=30)] = Field(
        default=1, description="so many days after a rule of days ended are near"
    )
    least: Number = Field(default=3, description="near misses of one agent in a window, from which on they are told of")  # fmt: skip


class AlertRules(Policy):
    """What alerts are raised by; each names the rows that it is made of."""

    history: History = Field(default=History(), description="how much is unusual")
    acts: dict[Name, list[str]] = Field(
        min_length=1, description="orders that are counted together, by what they are called: verbs"
    )
    failed_disbursements: Days = Field(
        default=0, description="payouts that may come back in a window without an alert"
    )
    suspense_days: Days = Field(
        default=5, description="days that an entry of a bank may wait in suspense"
    )
    held_days: Days = Field(default=1, description="days that a loan may be held")
    near_misses: NearMisses | None = Field(
        default=None, description="contacts near to a breach; left out: none are looked for"
    )

    @field_validator("acts")
    @classmethod
    def _known(cls, acts: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, verbs in acts.items():
            unknown = [verb for verb in verbs if verb not in COMMANDS]
            if unknown or not verbs:
                raise ValueError(
                    f"{name}: {unknown[0] if unknown else 'nothing'!r} is no order; use some of {', '.join(COMMANDS)}"
                )
        return acts
