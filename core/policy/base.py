"""What every policy file has: a name, a version, a date from which it is in force."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from loanbook.core.catalogue import components
from loanbook.core.catalogue.counting import COUNTING
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.money import MAX_MINOR

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Minor = Annotated[int, Field(ge=0, le=MAX_MINOR)]
"""An amount in minor units, of no more than the ledger holds."""
Days = Annotated[int, Field(ge=0, le=1_000_000)]
"""A number of days: the longest are longer than any calendar, for what is never to be."""
Count = Annotated[int, Field(ge=1, le=32_767)]
"""A number of instalments or of units of time."""
Grace = Annotated[int, Field(ge=0, le=127)]
"""First instalments that ask less."""
Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
"""Why something was ordered, as a code: the form that orders have it in."""
Percent = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,7})?$")]
NotBelowZero = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,7})?$")]
"""A percentage of which less than nothing would be money that the borrower is owed."""
RoundingName = Literal["half_even", "half_up", "down", "up"]
OPENING_BALANCES = (
    "principal", "interest_accrued", *components.DUES, "credit",
)  # fmt: skip
"""Balances that a loan that already lives may bring, minor units."""
OPENING_OF_LINES = ("statement_unpaid", "cash_advances", "interest_in_grace", "in_grace")
"""What a line of credit brings beside."""
if TYPE_CHECKING:  # names of the catalogue's rows, which a type checker does not know
    ComponentName = str
    TaxableName = str
    AskedAgainName = str
    OpeningName = str
    BasisName = str
    CountingName = str
else:
    ComponentName = Literal[components.NAMES]
    TaxableName = Literal[components.TAXABLE]
    AskedAgainName = Literal[("principal", *components.DEMANDED_AGAIN)]
    CountingName = Literal[tuple(COUNTING)]
    BasisName = Literal[tuple(each.words for each in RateBasis)]
    OpeningName = Literal[(*OPENING_BALANCES, "past_due_since", *OPENING_OF_LINES)]


def kind_among(kinds: Iterable[Kind]) -> AfterValidator:
    """A field that names one of these kinds of event."""
    names = [kind.name for kind in kinds]

    def named(name: str) -> str:
        if name not in names:
            raise ValueError(f"write one of {', '.join(names)}")
        return name

    return AfterValidator(named)


def named_once(names: list[str]) -> list[str]:
    """The names; ValueError if one is there twice, which would count it twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]} is named twice; name each once")
    return names


AS_STORED = {"stored": True}
"""Context in which a policy is read that an earlier release stored: it may lack what came since."""


class Policy(BaseModel):
    """Every policy: named, versioned, in force from a date, with what it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="what other policies call it: small letters, digits and hyphens")
    version: int = Field(
        ge=1,
        le=2**31 - 1,
        description="number of this version; a version that was used is never changed, a new one is a new file",
    )
    effective_from: dt.date = Field(description="date from which this version is in force")
    description: str = Field(default="", description="what it is about, for people")

    @property
    def of_law(self) -> bool:
        """Whether a version binds from its own day on, whatever version a loan was boarded under."""
        return False


class HashedPolicy(Policy):
    """A policy whose content is kept with what was decided by it."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its parsed content."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class OfLawOrContract(BaseModel):
    """A policy that a lender sets, or that the law does."""

    follows: Literal["contract", "law"] = Field(
        default="contract",
        description="contract: a loan keeps the version that was in force when its product version "
        "came; law: each charge follows the version in force on its own day",
    )

    @property
    def of_law(self) -> bool:
        """Whether the law sets it."""
        return self.follows == "law"
