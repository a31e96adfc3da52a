"""What every policy file has: a name, a version, a date from which it is in force."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
RoundingName = Literal["half_even", "half_up", "down", "up"]


class Policy(BaseModel):
    """Every policy: named, versioned, in force from a date, with what it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="what other policies call it: small letters, digits and hyphens")
    version: int = Field(
        ge=1,
        description="number of this version; a version that was used is never changed, a new one is a new file",
    )
    effective_from: dt.date = Field(description="date from which this version is in force")
    description: str = Field(default="", description="what it is about, for people")
