"""Instructions to a file: traces and ids are given, the file is made, and it is recorded with the payments that it
asks for in one transaction, before anyone sees it."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.errors import LedgerConflictError
from loanbook.core.payments.incoming.emitting import RECEIVED
from loanbook.core.policy.file_mappings import CANONICAL_PAYMENTS
from loanbook.core.policy.originators import Originator
from loanbook.core.store.lake import utc_now
from loanbook.core.store.queries import InstanceQueries
from loanbook.core.store.sending.instructions import (
    INSTRUCTIONS,
    files_of,
    traces_given,
    with_accounts,
)
from loanbook.core.store.sending.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.core.store.writing import Intake
from loanbook.pipelines.formats.bank_out.writing import WRITERS
from loanbook.pipelines.ingest.events import Known, events_of
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.payments.outbox import written

KIND = "file_out"
"""Kind of a file for a bank among the ledger's files."""
SOURCE = "presentment"
"""Source system of the payments that debits ask for."""
TRACES = 10**7 - 1
"""Trace numbers of a bank, after which they begin anew."""


@dataclass(frozen=True)
class OutFile:
    """A file for a bank that is ready to be recorded."""

    by: Originator
    row: dict[str, Any]
    """Of `files_out`."""
    instructions: pl.DataFrame
    """Schema `INSTRUCTIONS`."""
    size: int


def file_of(
    ledger: InstanceQueries, by: Originator, day: dt.date, direction: str, rows: pl.DataFrame
) -> OutFile:
    """The file of these instructions (`INSTRUCTIONS`, without what is given here) for a day.

    The number counts the originator's files of the day; what was recorded before keeps its own.
    """
    number = files_of(ledger, by.name, day) + 1
    file_key = f"{by.name[:20]}-{day:%Y%m%d}-{number}-{direction[0].upper()}"
    given = _with_ids(ledger, by, rows.with_columns(
        file_key=pl.lit(file_key), direction=pl.lit(direction), currency=pl.lit(by.currency),
        payment_key=pl.lit(None, pl.String),
    ))  # fmt: skip
    kept = given.select(INSTRUCTIONS.keys()).cast(INSTRUCTIONS)
    data = written(
        by,
        file_key,
        day,
        number,
        with_accounts(ledger, Vault(ledger.settings.lake, ledger.settings), kept),
    )
    ending, _ = WRITERS[by.rail]
    row = {
        "file_key": file_key, "originator": by.name, "originator_version": by.version, "rail": by.rail,
        "direction": direction, "business_date": day, "number": number, "name": file_key + ending,
        "sha256": hashlib.sha256(data).hexdigest(), "payments": kept.height,
        "amount": int(kept["amount"].sum()), "currency": by.currency,
    }  # fmt: skip
    return OutFile(by, row, kept, len(data))


def _with_ids(ledger: InstanceQueries, by: Originator, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in the order of the file, with trace numbers (NACHA) and end-to-end ids, which are of their keys."""
    ordered = rows.sort("entry_class", "description", "effective", "key")
    ids = [hashlib.sha256(key.encode()).hexdigest()[:15].upper() for key in ordered["key"]]
    trace = pl.lit("")
    if by.rail == "nacha":
        first = traces_given(ledger, by.bank)
        nth = (pl.int_range(pl.len()) + first) % TRACES + 1
        trace = pl.concat_str(pl.lit(by.bank[:8]), nth.cast(pl.String).str.zfill(7))
    return ordered.with_columns(trace=trace, end_to_end_id=pl.Series(ids, dtype=pl.String))


def record(
    ledger: Ledger, known: Known, files: list[OutFile], run_id: str, judged_at: tuple[int, ...]
) -> None:  # fmt: skip
    """Record files in one transaction, with the payments that their debits ask for.

    LedgerConflictError where another run took anything in since `judged_at`: nothing is kept then.
    """
    now = utc_now()
    intakes = [_intake(ledger, known, file, run_id, now) for file in files]
    if intakes:
        ledger.commit_intake(intakes, judged_at)


def _intake(ledger: Ledger, known: Known, file: OutFile, run_id: str, now: dt.datetime) -> Intake:
    _, published = ledger.published()
    assert published is not None
    stamps = {
        "file_id": file.row["sha256"], "name": file.row["name"], "kind": KIND, "business_date": published,
        "bytes": file.size, "state": "taken", "reason": "", "rows_in": file.instructions.height,
        "accepted": file.instructions.height, "quarantined": 0, "duplicates": 0,
        "correlation_id": run_id, "recorded_at": now,
    }  # fmt: skip
    rows = file.instructions.with_row_index("line", offset=1).with_columns(
        pl.col("line").cast(pl.Int64)
    )
    events = None
    if file.row["direction"] == "debit":
        events, rows = _payments(known, rows, file, stamps)
    tables = {
        "files_out": pl.DataFrame([file.row]),
        "instructions": rows.select(INSTRUCTIONS.keys()),
    }
    return Intake(stamps, events=events, tables=tables)


def _payments(
    known: Known, rows: pl.DataFrame, file: OutFile, stamps: dict[str, Any]
) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """A payment on its settlement day for each debit of money, and the rows with its key."""
    asks = rows.filter(pl.col("amount") > 0)
    if asks.is_empty():
        return None, rows
    loans = known.loans("loan_id", asks["loan_id"]).select(
        "loan_id", "loan_key", "entity_name", "product"
    )
    money = asks.drop("currency").join(loans, on="loan_id", how="left", maintain_order="left").with_columns(
        currency=pl.lit(CURRENCY_CODES[file.by.currency], dtype=pl.Int8), value_date="effective",
        source_ref="key",
    )  # fmt: skip
    mapping = CANONICAL_PAYMENTS.model_copy(update={"source_system": SOURCE})
    place = LandingFile(Path(file.row["name"]), stamps["file_id"], file.size, "payments", stamps["business_date"])  # fmt: skip
    taken = events_of(money, RECEIVED, place, mapping, known)
    if taken.events is None or taken.events.height != asks.height:
        raise LedgerConflictError(
            "debits of this file were presented before, so it was not made; run again: they are known then"
        )
    events = taken.events.with_columns(
        file_id=pl.lit(stamps["file_id"]), correlation_id=pl.lit(stamps["correlation_id"]),
        recorded_at=pl.lit(stamps["recorded_at"]).cast(pl.Datetime("us")),
    )  # fmt: skip
    keys = events.select("line", _payment="idempotency_key")
    told = rows.join(keys, on="line", how="left", maintain_order="left")
    return events, told.with_columns(payment_key="_payment").drop("_payment")
