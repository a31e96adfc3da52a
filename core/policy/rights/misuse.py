"""What of people's orders is looked at for misuse, and from where on it is told of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.policy.base import Days, Name, Policy

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Percent = Annotated[int, Field(ge=1, le=100)]


class MisuseRules(Policy):
    """Which orders are counted together, and how far beyond their peers people must be to be told of."""

    acts: dict[Name, list[str]] = Field(
        min_length=1, description="orders that are counted together, by what they are called: verbs"
    )
    window_days: Days = Field(
        default=91, ge=1, description="orders booked in so many days to the date are looked at"
    )
    least_acts: Count = Field(
        default=5, description="who did fewer of an act is not told of, whatever the others did"
    )
    least_peers: Count = Field(
        default=4, description="others who ordered anything; with fewer nobody is compared"
    )
    spreads: Annotated[int, Field(ge=1, le=100)] = Field(
        default=4, description="how many spreads above the median of all who order; a spread is 1.4826 times the "
        "median distance from the median, and not less than the root of the median, nor than 1",
    )  # fmt: skip
    pair_least: Count = Field(
        default=20, description="orders that two people decided together, from which on they are looked at"
    )  # fmt: skip
    pair_expected_rejections: Count = Field(
        default=3, description="who rejects none is told of where the others' share would have been so many"
    )  # fmt: skip
    pair_share_percent: Percent = Field(
        default=80, description="of a maker's orders that one person approves, although others approve too"
    )  # fmt: skip

    @model_validator(mode="after")
    def _known(self) -> MisuseRules:
        for name, verbs in self.acts.items():
            unknown = [verb for verb in verbs if verb not in COMMANDS]
            if unknown or not verbs:
                raise ValueError(
                    f"acts.{name}: {unknown[0] if unknown else 'nothing'!r} is no order; use some of {', '.join(COMMANDS)}"
                )
        return self
