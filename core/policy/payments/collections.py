"""How files are read of those who collect for the lender: processors of cards and wallets, agents, branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from loanbook.core.policy.base import Name
from loanbook.core.policy.file_mappings import FileMapping

COLLECTION_REQUIRED = ("kind", "amount", "currency", "value_date")
COLLECTION_OPTIONAL = ("loan_key", "group", "fee", "payer", "note", "original")
KINDS = ("payment", "refund", "chargeback", "fee", "total")
if TYPE_CHECKING:
    CollectionField = str
else:
    CollectionField = Literal[(*COLLECTION_REQUIRED, *COLLECTION_OPTIONAL)]
Becomes = Literal["reversal", "chargeback", "suspense"]
Word = Annotated[str, StringConstraints(min_length=1, max_length=60)]


Span = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,2}-[1-9][0-9]{0,2})?$")]


class LockboxPlaces(BaseModel):
    """Places of a lockbox's records in the BAI form, first and last from 1 (8-17); empty: the bank has none. The defaults
    are typical, and what came with a cheque stands where the bank says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: Span = Field(default="2-4", description="number of the batch, of records 4, 6 and 7")
    item: Span = Field(default="5-7", description="number of the cheque in it, of records 4 and 6")
    number: Span = Field(default="8-14", description="the lockbox, of records 5 and 8")
    date: Span = Field(
        default="15-20", description="day of the deposit, of records 5 and 8 (`date_format`)"
    )
    amount: Span = Field(default="8-17", description="amount of a cheque, of record 6")
    cheque: Span = Field(default="", description="number of the cheque, of record 6")
    payer: Span = Field(default="", description="name of who wrote it, of record 6")
    remittance: Span = Field(
        default="", description="what came with it, of record 6: the loan's key"
    )
    overflow: Span = Field(default="12-104", description="more of that, of record 4")
    batch_items: Span = Field(default="21-23", description="number of cheques, of record 7")
    batch_amount: Span = Field(default="24-33", description="their sum, of record 7")
    total_items: Span = Field(
        default="21-24", description="number of the deposit's cheques, of record 8"
    )
    total_amount: Span = Field(default="25-34", description="sum of the deposit, of record 8")
    records: Span = Field(default="2-7", description="number of the file's records, of record 9")


class CollectionMapping(FileMapping):
    """How a collector's file becomes entries: payments, what is taken off them, and the total that is handed over.

    Of each `group` (a payout, a branch's till of the day) payments less refunds, chargebacks and fees must be the
    total that the file states, or the file is refused whole.
    """

    required = COLLECTION_REQUIRED
    key: str = Field(
        default="",
        description="column of the collector's own reference of a row, unique to it; of a lockbox none",
    )
    lockbox: LockboxPlaces | None = Field(
        default=None,
        description="the file is a lockbox's in the BAI form, a cheque a payment and a deposit a group; it needs no "
        "`key`, `kinds` and `columns`",
    )
    product: Name = Field(
        description="product in whose books the money stands, by whose chart of accounts it is booked"
    )
    matching: Name = Field(
        default="standard", description="policy by which payments find their loans"
    )
    kinds: dict[Literal[KINDS], list[Word]] = Field(  # type: ignore[valid-type]
        default={},
        description="what a row is, by the words of the file: payment and total at least",
    )
    refund_becomes: Becomes = Field(
        default="reversal",
        description="what a refund makes of its payment. reversal: the loan is lived again as if it had not come (a refund of "
        "a part is a chargeback of so much); chargeback: the payment stands and is asked anew; suspense: a person decides",
    )
    chargeback_becomes: Becomes = Field(
        default="chargeback", description="what a chargeback makes of its payment, likewise"
    )
    columns: dict[CollectionField, str] = Field(
        default={}, description="field of loanbook: column of the file"
    )
    constants: dict[CollectionField, str] = Field(
        default={}, description="field of loanbook: what it is on every row"
    )

    @property
    def needed(self) -> tuple[str, ...]:
        """Of a lockbox its form gives all but the currency."""
        return ("currency",) if self.lockbox else self.required

    @model_validator(mode="after")
    def _words_once(self) -> CollectionMapping:
        if self.lockbox:
            if self.key or self.kinds or self.columns:
                raise ValueError(
                    "a lockbox's file has no `key`, `kinds` or `columns`; take them out"
                )
            return self
        if not self.key:
            raise ValueError("key: name the column of the collector's own reference")
        words = [word for each in self.kinds.values() for word in each]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"kinds: {twice[0]!r} stands for two kinds; name it once")
        if "total" not in self.kinds or "payment" not in self.kinds:
            raise ValueError(
                "kinds: needs the words of payment and of total, to which a group ties"
            )
        return self
