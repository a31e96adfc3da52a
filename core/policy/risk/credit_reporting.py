"""Who furnishes to credit bureaus, and as what kind of account a product's loans are reported."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from loanbook.core.policy.base import Name, Policy

_PLAIN = r"^[ -~]*$"


class Reported(BaseModel):
    """As what a product's loans are reported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    portfolio_type: Literal["I", "M"] = Field(
        default="I", description="I: instalments, M: mortgage; lines of credit are not reported"
    )
    account_type: Annotated[str, Field(pattern="^[0-9A-Z]{2}$")] = Field(
        description="code of the Credit Reporting Resource Guide, exhibit 1: 01 unsecured, 00 auto"
    )


class CreditReporting(Policy):
    """A furnisher of Metro 2 files."""

    reporter_name: Annotated[str, Field(min_length=1, max_length=40, pattern=_PLAIN)] = Field(
        description="the lender as bureaus know it"
    )
    reporter_address: Annotated[str, Field(min_length=1, max_length=96, pattern=_PLAIN)] = Field(
        description="where disputes are sent"
    )
    reporter_phone: Annotated[str, Field(pattern="^[0-9]{10}$")] = Field(description="ten digits")
    identification_number: Annotated[str, Field(min_length=1, max_length=20, pattern=_PLAIN)] = (
        Field(description="of the furnisher; the same each time")
    )
    equifax: Annotated[str, Field(max_length=10, pattern=_PLAIN)] = Field(default="", description="program identifier")  # fmt: skip
    experian: Annotated[str, Field(max_length=5, pattern=_PLAIN)] = Field(default="", description="program identifier")  # fmt: skip
    innovis: Annotated[str, Field(max_length=10, pattern=_PLAIN)] = Field(default="", description="program identifier")  # fmt: skip
    transunion: Annotated[str, Field(max_length=10, pattern=_PLAIN)] = Field(default="", description="program identifier")  # fmt: skip
    products: dict[Name, Reported] = Field(
        min_length=1, description="products that are reported, by name"
    )
