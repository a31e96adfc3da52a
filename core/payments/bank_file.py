"""What a bank's file says, in one form for all formats: frames of these schemas, and what is wrong.

Amounts are never negative; the direction stands beside them. A figure that the file does not tell, or
that can't be read, is null, and what can't be read is named in the problems.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.frames import COUNT, DATE, FLAG, KEY, MINOR, column, empty

LINE = "line or element line"
"""Unit of a place in the file; 0 is the file as a whole."""


def _text(meaning: str) -> dy.String:
    return dy.String(nullable=True, metadata=column(meaning, "text"))


def _day(meaning: str) -> dy.Date:
    return dy.Date(nullable=True, metadata=column(meaning, DATE))


def _minor(meaning: str) -> dy.Int64:
    return dy.Int64(nullable=True, metadata=column(meaning, MINOR))


def _number(meaning: str, unit: str = COUNT, nullable: bool = True) -> dy.Int64:
    return dy.Int64(nullable=nullable, metadata=column(meaning, unit))


def _line(meaning: str) -> dy.Int64:
    return _number(meaning, LINE, nullable=False)


class Batches(dy.Schema):
    """Entries that were sent together: a batch of NACHA, a payment information of pain."""

    batch = _number("Place of the batch in the file, from 1", KEY, nullable=False)
    line = _line("Where it begins")
    number = _text("Its number or id, as in the file")
    entry_class = _text("NACHA: standard entry class; pain: payment method")
    service_class = _text("NACHA: service class code; pain: service level")
    local_instrument = _text("Scheme of the payments")
    sequence_type = _text("First, recurring, final or one-off")
    company = _text("Who originates")
    company_id = _text("Id of who originates")
    description = _text("What the entries are for")
    account = _text("Account of who originates")
    date = _day("When it is to take effect")
    date_text = _text("That date as in the file")
    bank = _text("Originating bank")
    entries = _number("Entries in it")
    addenda = _number("Addenda in it")
    debit = _minor("Sum of debits")
    credit = _minor("Sum of credits")
    entry_hash = _number("Sum of the receiving banks' numbers", "number")


class Statements(dy.Schema):
    """One report of one account: statement, interim report, notification, account of BAI2."""

    statement = _number("Place of the statement in the file, from 1", KEY, nullable=False)
    line = _line("Where it begins")
    reference = _text("Its id")
    number = _text("Its sequence number")
    account = _text("The account, as in the file")
    currency = _text("Currency of the account")
    opening = _minor("Opening balance booked, below zero when overdrawn")
    closing = _minor("Closing balance booked, below zero when overdrawn")
    opening_date = _day("Date of the opening balance")
    closing_date = _day("Date of the closing balance")
    adds_up = dy.Bool(
        nullable=True,
        metadata=column("Opening and entries make closing; null: can't be asked", FLAG),
    )


class Balances(dy.Schema):
    """A balance or a sum that a statement states."""

    statement = _number("The statement's place", KEY, nullable=False)
    line = _line("Where it stands")
    code = _text("Kind of balance, in the words of the format")
    amount = _minor("How much, below zero when overdrawn")
    currency = _text("Its currency")
    date = _day("Its date")
    count = _number("Items that it sums")


class Entries(dy.Schema):
    """One row an entry of an account, in the order of the file."""

    entry = _number("Place of the entry in the file, from 1", KEY, nullable=False)
    line = _line("Where it stands")
    batch = _number("The batch's or statement's place; null outside of one", KEY)
    direction = _text(
        "credit or debit of the account that the entry is on, in an instruction the other side's; "
        "null: can't be told"
    )
    reversal = dy.Bool(metadata=column("It takes an earlier entry back", FLAG))
    amount = _minor("How much; null: can't be read, or finer than its currency")
    currency = _text("Its currency")
    value_date = _day("When the money counts")
    booking_date = _day("When the bank booked it")
    status = _text("Booked, pending or for information, in the words of the format")
    code = _text("What kind of entry, in the words of the format")
    reference = _text("The bank's own reference; of NACHA the trace number")
    client_ref = _text("The reference that the client gave")
    end_to_end_id = _text("The id that goes with the payment from end to end")
    mandate = _text("The mandate that it rests on")
    counterparty = _text("Name of the other side")
    counterparty_account = _text("Account of the other side")
    counterparty_bank = _text("Bank of the other side")
    remittance = _text("What the payer wrote, and addenda")
    details = _number("Payments within it, or addenda", nullable=False)


class Details(dy.Schema):
    """One row a payment within an entry that sums several, or that tells more of one."""

    entry = _number("The entry's place", KEY, nullable=False)
    line = _line("Where it stands")
    amount = _minor("How much; null where only the entry says it")
    currency = _text("Its currency")
    end_to_end_id = _text("The id that goes with the payment from end to end")
    reference = _text("The bank's own reference")
    mandate = _text("The mandate that it rests on")
    counterparty = _text("Name of the other side")
    counterparty_account = _text("Account of the other side")
    remittance = _text("What the payer wrote")


class Returns(dy.Schema):
    """Money that came back."""

    line = _line("Where it stands")
    entry = _number("The entry that brings it back", KEY)
    code = _text("Why: reason code of the rail")
    kind = _text("return, dishonored_return or contested_dishonored_return")
    original = _text("Trace or end-to-end id of what came back")
    original_bank = _text("The bank that the original went to")
    trace = _text("Trace number of the return itself")
    amount = _minor("How much came back")
    reason = _text("What is said of it beside the code")


class Changes(dy.Schema):
    """Notifications that an account's particulars have changed."""

    line = _line("Where it stands")
    entry = _number("The entry that brings it", KEY)
    code = _text("What changed")
    original = _text("Trace of the entry that had it wrong")
    original_bank = _text("The bank that it went to")
    corrected = _text("What it should be")
    trace = _text("Trace number of the notification")
    refused = dy.Bool(metadata=column("The originator's bank refuses the notification", FLAG))


class Acknowledgements(dy.Schema):
    """What became of a file, a batch or a payment that was sent out (pain.002)."""

    line = _line("Where it stands")
    level = _text("group, batch or payment")
    batch_id = _text("The batch that was sent")
    end_to_end_id = _text("The payment that was sent")
    instruction_id = _text("The sender's id of the instruction")
    status = _text("Accepted, pending, rejected: the code of the format")
    reasons = _text("Reason codes, blanks between")
    reason = _text("What is said of them")
    amount = _minor("How much was to be paid")
    currency = _text("Its currency")


class Mandates(dy.Schema):
    """Mandates that a debit file names."""

    line = _line("Where it stands")
    batch = _number("The batch's place", KEY, nullable=False)
    mandate = _text("Its id")
    signed = _day("When it was signed")
    amended = _text("Whether it was amended, as in the file")
    end_to_end_id = _text("Id of the payment that names it")


class Controls(dy.Schema):
    """A total that the file states of itself, beside what its entries make."""

    line = _line("Where it is stated")
    kind = _text("What is counted or summed")
    stated = _text("As in the file; null: can't be read")
    computed = _text("As its entries make it")
    ties = dy.Bool(metadata=column("Both are the same", FLAG))


class Problems(dy.Schema):
    """What is wrong with the file. A hard one makes it invalid; its figures are told all the same."""

    line = _line("Where")
    kind = _text("Which rule")
    hard = dy.Bool(metadata=column("The file is invalid by it", FLAG))
    found = _text("What was found")


SCHEMAS: dict[str, type[dy.Schema]] = {
    "batches": Batches,
    "statements": Statements,
    "balances": Balances,
    "entries": Entries,
    "details": Details,
    "returns": Returns,
    "changes": Changes,
    "acknowledgements": Acknowledgements,
    "mandates": Mandates,
    "controls": Controls,
    "problems": Problems,
}


@dataclass(frozen=True)
class BankFile:
    """A file of a bank, read. `frames`: by the names of `SCHEMAS`, each with all columns of its schema."""

    format: str
    """Family: nacha, camt.053, mt940, bai2, ..."""
    version: str | None = None
    """The format's own name of its version or schema."""
    message_id: str | None = None
    created: str | None = None
    """When it was made, as in the file."""
    heading: dict[str, str] = field(default_factory=dict)
    """What else its first record says."""
    judged: bool = True
    """Whether the format's own schema was at hand; without it only loanbook's rules were asked."""
    partial: bool = False
    """Without the records that open and close a file, as banks deliver parts of one."""
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    def frame(self, name: str) -> pl.DataFrame:
        """One of the frames, empty where the format has nothing of it."""
        return self.frames.get(name, empty(SCHEMAS[name]))

    @property
    def entries(self) -> pl.DataFrame:
        """The entries."""
        return self.frame("entries")

    @property
    def problems(self) -> pl.DataFrame:
        """What is wrong, in the order of the file."""
        return self.frame("problems")

    @property
    def valid(self) -> bool:
        """No hard problem."""
        return not self.problems["hard"].any()

    def sums(self) -> dict[tuple[str, str | None], int | None]:
        """Minor units by direction and currency; null where an amount could not be read."""
        known = self.entries.filter(pl.col("direction").is_not_null())
        by = known.group_by("direction", "currency").agg(
            pl.col("amount").sum(), lacking=pl.col("amount").is_null().any()
        )
        return {
            (direction, currency): None if lacking else amount
            for direction, currency, amount, lacking in by.rows()
        }


def shaped(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with all columns of its schema, in its order and types; those it has not are null."""
    types = empty(SCHEMAS[name]).schema
    lacking = {
        key: pl.lit(absent, dtype=types[key])
        for key, absent in _absent(name).items()
        if key not in frame.columns
    }
    return frame.with_columns(**lacking).select(
        pl.col(key).cast(type_) for key, type_ in types.items()
    )


def rows_of(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of the schema `name`."""
    types = empty(SCHEMAS[name]).schema
    if not rows:
        return empty(SCHEMAS[name])
    columns = {key: [row.get(key, absent) for row in rows] for key, absent in _absent(name).items()}
    return pl.DataFrame(columns, schema=dict(types))


@cache
def _absent(name: str) -> dict[str, Any]:
    """What a column holds where nothing is told of it: null, or no, where it is a yes or no."""
    schema = SCHEMAS[name]
    return {
        key: False if type_ == pl.Boolean and not schema.columns()[key].nullable else None
        for key, type_ in empty(schema).schema.items()
    }


def problem(line: int, kind: str, found: object = "", hard: bool = True) -> dict[str, Any]:
    """A row of the problems."""
    return {"line": line, "kind": kind, "hard": hard, "found": str(found)[:200]}


def control(line: int, kind: str, stated: object, computed: object) -> dict[str, Any]:
    """A row of the controls; both are compared as they are given."""
    return {
        "line": line,
        "kind": kind,
        "stated": None if stated is None else str(stated),
        "computed": str(computed),
        "ties": stated == computed,
    }
