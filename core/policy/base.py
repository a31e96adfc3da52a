"""What every policy file has: a name, a version, a date from which it is in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from loanbook.core.catalogue.events import Kind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
RoundingName = Literal["half_even", "half_up", "down", "up"]


def kind_among(kinds: Iterable[Kind]) -> AfterValidator:
    """A field that names one of these kinds of event."""
    names = [kind.name for kind in kinds]

    def named(name: str) -> str:
        if name not in names:
            raise ValueError(f"write one of {', '.join(names)}")
        return name

    return AfterValidator(named)


class Policy(BaseModel):
    """Every policy: named, versioned, in force from a date, with what it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    version: int = Field(ge=1)
    effective_from: dt.date
    description: str = ""
