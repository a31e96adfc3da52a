"""How a lender's files are read: which column is which, how dates and amounts are written, who sent them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.policy.base import Name, OpeningName, Policy

TAPE_REQUIRED = ("principal", "rate_percent", "instalments", "disbursed_on", "first_due_date")
TAPE_OPTIONAL = (
    "instalment", "balloon", "every", "unit", "second_anchor_day", "anchor_day", "end_of_month",
    "first_interest_adjustment", "spread_percent", "first_reset_on", "jurisdiction", "drawn",
    "maturity_date", "interest_only", "stub_interest", "agreed_schedule", "schedule_interest",
)  # fmt: skip
PAYMENT_REQUIRED = ("loan_key", "amount", "currency", "value_date")
PAYMENT_OPTIONAL = ("designation",)
COMMAND_REQUIRED = ("command", "loan_key", "value_date", "maker", "checker", "reason")
COMMAND_OPTIONAL = tuple(
    dict.fromkeys(name for _, command in COMMANDS.values() for name in (*command.needs, *command.may))
)  # fmt: skip
REPORTED = (
    "status", "balance", "paid_total", "paid_principal", "paid_interest", "paid_late_fees",
)  # fmt: skip
"""Figures of another servicer that reconciliation compares."""
if TYPE_CHECKING:  # names of the tuples above, which a type checker does not know
    TapeField = str
    PaymentField = str
    CommandField = str
    ReportedName = str
else:
    TapeField = Literal[(*TAPE_REQUIRED, *TAPE_OPTIONAL)]
    PaymentField = Literal[(*PAYMENT_REQUIRED, *PAYMENT_OPTIONAL)]
    CommandField = Literal[(*COMMAND_REQUIRED, *COMMAND_OPTIONAL)]
    ReportedName = Literal[REPORTED]
_COLUMNS = "field of loanbook: column of the file"
_CONSTANTS = "field of loanbook: what it is on every row, where no column of the file has it"
_BALANCES_BEFORE = {"advances": "cash_advances", "statement_left": "statement_unpaid"}


class AmountForm(BaseModel):
    """How amounts are written: 7500.25 unless it says otherwise, digits on both sides of the point (0.50 and 5,
    never .50 or 5.). Another form is refused, not guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    thousands: Literal["", ",", ".", " ", "'"] = Field(
        default="",
        description="what stands between groups of three digits, where anything does: 1,200.00",
    )
    decimal: Literal[".", ","] = Field(default=".", description="what stands before the decimals")
    currency_sign: str = Field(
        default="",
        max_length=4,
        description="sign or code before or after the amount, where there is one: $1,200.00",
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> AmountForm:
        if self.thousands == self.decimal:
            raise ValueError(
                "thousands and decimal are the same sign; an amount would have two values"
            )
        if any(sign.isdigit() or sign in "+-.,%" for sign in self.currency_sign):
            raise ValueError(
                "currency_sign holds a digit or a sign of numbers; write $, EUR or the like"
            )
        return self


class FileMapping(Policy):
    """What the mappings of all kinds of file say."""

    required: ClassVar[tuple[str, ...]] = ()
    """Fields that a column or a constant must give."""
    source_system: Name = Field(
        description="system that the file comes from: part of the key by which a row is known again"
    )
    sources_before: list[Name] = Field(
        default=[],
        description="source systems under which the same rows were taken in before: what is known by "
        "them stays known, and is not taken in twice",
    )
    date_format: str = Field(
        default="%Y-%m-%d",
        description="form of the dates of the file, as strftime has it; ISO dates have all their digits, in "
        "another form a month or a day may have one",
    )
    amounts: AmountForm = Field(default=AmountForm(), description="how amounts are written")
    columns: dict[str, str] = Field(description=_COLUMNS)
    constants: dict[str, str] = Field(default={}, description=_CONSTANTS)

    @property
    def needed(self) -> tuple[str, ...]:
        """Fields that a column or a constant of this mapping must give."""
        return self.required

    @field_validator("date_format")
    @classmethod
    def _tells_a_day(cls, form: str) -> str:
        day = dt.datetime(2001, 2, 3)  # noqa: DTZ001
        try:
            whole = dt.datetime.strptime(day.strftime(form), form) == day  # noqa: DTZ007
        except ValueError:
            whole = False
        if not whole:
            raise ValueError(
                "it tells no day, month and year; write %Y-%m-%d, %m/%d/%Y or the like"
            )
        return form

    @model_validator(mode="after")
    def _whole(self) -> FileMapping:
        both = sorted(self.columns.keys() & self.constants.keys())
        if both:
            raise ValueError(f"{both[0]!r} stands below columns and below constants; take one out")
        missing = [name for name in self.needed if name not in {*self.columns, *self.constants}]
        if missing:
            raise ValueError(
                f"nothing gives {', '.join(missing)}; name the column below columns, or, where it is "
                "the same on every row, what it is below constants"
            )
        return self


class TapeMapping(FileMapping):
    """How a lender's loan tape becomes the canonical intake."""

    required = TAPE_REQUIRED
    product: Name | None = Field(default=None, description="product of every loan of the tape")
    product_column: str | None = Field(default=None, description="column that names each loan's")
    key: str | None = Field(
        default=None,
        description="column of the lender's own loan number; without it a loan's key is the hash of "
        "its row and the number of its occurrence",
    )
    columns: dict[TapeField, str] = Field(description=_COLUMNS)
    constants: dict[TapeField, str] = Field(default={}, description=_CONSTANTS)
    attributes: dict[str, str] = Field(default={}, description="kept for analysis: name: column")
    opening: dict[OpeningName, str] = Field(
        default={},
        description="balances of loans that already live, on the file's business date: column of "
        "the tape; loans of such a tape are taken over, not paid out",
    )
    reported: dict[ReportedName, str] = Field(
        default={}, description="the servicer's own figures: column of the tape"
    )
    reported_as_of: dt.date | None = Field(
        default=None, description="date of the servicer's own figures; none: no figures"
    )
    reported_buckets: Name | None = Field(
        default=None, description="policy of buckets by which the servicer's states are told"
    )

    @model_validator(mode="before")
    @classmethod
    def _names_before(cls, content: object) -> object:
        """What mappings said before: `entity`, which is the product's, and balances by other names."""
        if not isinstance(content, dict):
            return content
        now = {name: value for name, value in content.items() if name != "entity"}
        if isinstance(now.get("opening"), dict):
            now["opening"] = {_BALANCES_BEFORE.get(k, k): v for k, v in now["opening"].items()}
        return now

    @model_validator(mode="after")
    def _one_product(self) -> TapeMapping:
        if (self.product is None) == (self.product_column is None):
            raise ValueError("name either product or product_column")
        return self

    @model_validator(mode="after")
    def _whole_opening(self) -> TapeMapping:
        if self.opening and "principal" not in self.opening:
            raise ValueError(
                "opening needs the column of principal; the other balances may be left"
            )
        return self

    @model_validator(mode="after")
    def _whole_reported(self) -> TapeMapping:
        missing = [name for name in REPORTED if name not in self.reported]
        if self.reported and missing:
            raise ValueError(f"reported lacks {', '.join(missing)}; name them all, or none")
        return self


class PaymentMapping(FileMapping):
    """How a sender's payment file becomes the canonical intake."""

    required = PAYMENT_REQUIRED
    key: str | None = Field(
        default=None,
        description="column of the sender's own reference; without it a payment's reference is the "
        "hash of its row and the number of its occurrence in the file",
    )
    sign: Literal["plus", "minus"] = Field(
        default="plus", description="how money that came in is written: 7500.25, or -7500.25"
    )
    columns: dict[PaymentField, str] = Field(description=_COLUMNS)
    constants: dict[PaymentField, str] = Field(default={}, description=_CONSTANTS)


class CommandMapping(FileMapping):
    """How a sender's file of orders becomes the canonical intake."""

    required = COMMAND_REQUIRED
    key: str = Field(
        default="command_ref", description="column of the sender's own reference of an order"
    )
    columns: dict[CommandField, str] = Field(description=_COLUMNS)
    constants: dict[CommandField, str] = Field(default={}, description=_CONSTANTS)
    signing_key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9+/]{43}=$",
        description="Ed25519 public key (base64) of the source: in production its files enter if NAME.sig beside them is "
        "its signature and makers and checkers are users who may; others wait for approval",
    )


CANONICAL = "canonical"
"""The mapping of loanbook's own columns: every instance has it, with or without a file."""
_FIRST = {"name": CANONICAL, "version": 1, "effective_from": dt.date(1900, 1, 1)}
CANONICAL_PAYMENTS = PaymentMapping.model_validate(
    _FIRST | {"source_system": "payments", "key": "payment_ref",
              "columns": {name: name for name in (*PAYMENT_REQUIRED, *PAYMENT_OPTIONAL)}}
)  # fmt: skip
CANONICAL_COMMANDS = CommandMapping.model_validate(
    _FIRST | {"source_system": "commands",
              "columns": {name: name for name in (*COMMAND_REQUIRED, *COMMAND_OPTIONAL)}}
)  # fmt: skip
AGREEMENT = "agreement"
"""The mapping of tapes that board what was agreed and signed: loanbook's own, no file stands for it."""
AGREED_TAPE = TapeMapping.model_validate(
    _FIRST | {"name": AGREEMENT, "source_system": AGREEMENT, "key": "loan_key", "product_column": "product",
              "columns": {name: name for name in (*TAPE_REQUIRED, *TAPE_OPTIONAL)}}
)  # fmt: skip
QUOTED_TAPE = AGREED_TAPE.model_copy(update={"name": "quote"})
"""How the terms of a quote are read: as those of a tape whose loans are paid out as they enter."""
OWN_TAPES = (CANONICAL, AGREEMENT, QUOTED_TAPE.name)
"""Mappings of tapes in loanbook's own names, which may lack every field that no loan must tell."""
