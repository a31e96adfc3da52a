"""How files are read of those who collect for the lender: processors of cards and wallets, agents, branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

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


class CollectionMapping(FileMapping):
    """How a collector's file becomes entries: payments, what is taken off them, and the total that is handed over.

    Of each `group` (a payout, a branch's till of the day) payments less refunds, chargebacks and fees must be the
    total that the file states, or the file is refused whole.
    """

    required = COLLECTION_REQUIRED
    key: str = Field(description="column of the collector's own reference of a row, unique to it")
    product: Name = Field(
        description="product in whose books the money stands, by whose chart of accounts it is booked"
    )
    matching: Name = Field(
        default="standard", description="policy by which payments find their loans"
    )
    kinds: dict[Literal[KINDS], list[Word]] = Field(  # type: ignore[valid-type]
        description="what a row is, by the words of the file: payment and total at least"
    )
    refund_becomes: Becomes = Field(
        default="reversal",
        description="what a refund makes of its payment. reversal: the loan is lived again as if it had not come (a refund of "
        "a part is a chargeback of so much); chargeback: the payment stands and is asked anew; suspense: a person decides",
    )
    chargeback_becomes: Becomes = Field(
        default="chargeback", description="what a chargeback makes of its payment, likewise"
    )
    columns: dict[CollectionField, str] = Field(description="field of loanbook: column of the file")
    constants: dict[CollectionField, str] = Field(
        default={}, description="field of loanbook: what it is on every row"
    )

    @model_validator(mode="after")
    def _words_once(self) -> CollectionMapping:
        words = [word for each in self.kinds.values() for word in each]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"kinds: {twice[0]!r} stands for two kinds; name it once")
        if "total" not in self.kinds or "payment" not in self.kinds:
            raise ValueError(
                "kinds: needs the words of payment and of total, to which a group ties"
            )
        return self
