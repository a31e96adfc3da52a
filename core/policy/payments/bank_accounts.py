"""Accounts at banks: how files name them, whose books they are in, what of them is not the book's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.policy.base import Name, Policy

FORMATS = (
    "nacha", "camt.052", "camt.053", "camt.054", "mt940", "mt942", "bai2",
)  # fmt: skip
"""Formats of files that tell of an account's entries."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=140)]


class EntryRule(BaseModel):
    """Entries of an account that are no payment of a loan: all that it names must hold of an entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="what the decision is told by")
    outcome: Literal["outside", "settled", "returned"] = Field(
        description="outside: not the book's (rent, a bank's fee); settled: money whose payments came "
        "in another file (a processor's payout, a batch of debits), which settles payment clearing; returned: a cheque of a "
        "lockbox that its bank did not pay, told by its number and amount: its payment is reversed from its own day"
    )
    direction: Literal["credit", "debit"] | None = Field(
        default=None, description="of entries of this direction; none: of both"
    )
    code: str = Field(
        default="", max_length=35, description="the bank's kind of entry begins with this"
    )
    text: str = Field(
        default="",
        max_length=140,
        description="stands in the other side's name, the remittance or a reference, in whatever case",
    )

    @model_validator(mode="after")
    def _names_something(self) -> EntryRule:
        if not (self.direction or self.code or self.text):
            raise ValueError("it names nothing, so every entry would be meant; give a code or text")
        if self.outcome == "returned" and self.direction != "debit":
            raise ValueError("a cheque that comes back is money out: write direction: debit")
        return self


class BankAccount(Policy):
    """An account at a bank, as the bank's files name it."""

    product: Name = Field(
        description="product in whose books its money stands, by whose chart of accounts it is booked"
    )
    currency: str = Field(description="currency of the account: USD")
    numbers: list[Text] = Field(
        default=[],
        description="the account as files name it, blanks apart: number, IBAN; of NACHA the immediate "
        "destination. None: a file's name must end with the name of this policy",
    )
    formats: list[Literal[FORMATS]] = Field(  # type: ignore[valid-type]
        default=list(FORMATS), description="formats in which its entries come"
    )
    counts_from: Literal["value_date", "booking_date"] = Field(
        default="value_date", description="the date of the entry from which a payment counts"
    )
    ahead_days: int = Field(
        default=5, ge=0, le=366,
        description="a payment may count from so many days after the file's date; it waits for its day",
    )  # fmt: skip
    same_within_days: int = Field(
        default=10, ge=0, le=366,
        description="an entry with the bank's reference and the amount of another is the same where both "
        "are valued within so many days",
    )  # fmt: skip
    debits: Literal["suspense", "outside"] = Field(
        default="suspense",
        description="what becomes of money out that no rule and no instruction explains",
    )
    matching: Name = Field(
        default="standard", description="policy by which entries find their loans"
    )
    rules: list[EntryRule] = Field(
        default=[], description="entries that are no payments; the first rule that holds decides"
    )

    @model_validator(mode="after")
    def _known_currency(self) -> BankAccount:
        if self.currency not in CURRENCY_CODES:
            raise ValueError(
                f"currency {self.currency!r} is none that loanbook knows; write one of "
                f"{', '.join(CURRENCY_CODES)}"
            )
        return self
