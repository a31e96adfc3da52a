"""How a partner's file of applications is read, and what the contract with it lets it send."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from loanbook.core.policy.base import Name
from loanbook.core.policy.file_mappings import CANONICAL, FileMapping

APPLICATION_REQUIRED = ("product", "amount", "currency", "term", "submitted_on", "applicant")
APPLICATION_OPTIONAL = (
    "applicant_kind", "co_applicant", "guarantor", "owner", "purpose", "channel", "income_year",
    "income_verified_year", "employment_years", "age_years", "housing", "state", "device", "phone", "address", "account",
)  # fmt: skip
if TYPE_CHECKING:  # names of the tuples above, which a type checker does not know
    ApplicationField = str
else:
    ApplicationField = Literal[(*APPLICATION_REQUIRED, *APPLICATION_OPTIONAL)]


class ApplicationMapping(FileMapping):
    """How a partner's file of applications becomes the canonical intake, and what the contract with it lets it send."""

    required = APPLICATION_REQUIRED
    key: str = Field(
        default="application_ref",
        description="field of the partner's own reference of an application",
    )
    products: list[Name] = Field(
        default=[],
        description="products for which the partner may send applications; none: every one",
    )
    most_rows: int = Field(
        default=1_000_000, ge=1, description="rows of a file; a file of more is refused whole"
    )
    columns: dict[ApplicationField, str] = Field(
        description="field of loanbook: column of the file, or key of its JSON"
    )
    constants: dict[ApplicationField, str] = Field(
        default={}, description="field of loanbook: what it is on every row"
    )


CANONICAL_APPLICATIONS = ApplicationMapping.model_validate(
    {"name": CANONICAL, "version": 1, "effective_from": dt.date(1900, 1, 1), "source_system": "applications",
     "columns": {name: name for name in (*APPLICATION_REQUIRED, *APPLICATION_OPTIONAL)}}
)  # fmt: skip
