"""Events: append-only, one schema, the only thing that changes a loan."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.events import ROW
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.frames import DATE, KEY, MINOR, column, typed


class Events(dy.Schema):
    """One row per event, as the ledger keeps it. No free text, no personal data."""

    event_id = dy.Int64(metadata=column("The event's number, given at intake, never again", KEY))
    kind = dy.Int8(metadata=column("What happened", "code of Kind"))
    loan_id = dy.Int64(metadata=column("The loan that it happened to", KEY))
    value_date = dy.Date(metadata=column("Date from which it counts", DATE))
    booking_date = dy.Date(metadata=column("Business date of the close that takes it in", DATE))
    amount = dy.Int64(
        nullable=True, metadata=column("Its amount; null where the kind has none", MINOR)
    )
    currency = dy.Int8(metadata=column("Currency of the amount", "code of the currency list"))
    source_system = dy.String(metadata=column("The system that sent it", "name"))
    source_ref = dy.String(metadata=column("That system's own number of it", "text"))
    idempotency_key = dy.String(
        metadata=column("What makes it one: a second event of the key is a duplicate", "text")
    )
    body_hash = dy.String(
        metadata=column("What it said: a duplicate that says something else is refused", "SHA-256")
    )
    state = dy.Int8(
        metadata=column("In time, or valued in a closed day and restating it", "code of EventState")
    )
    file_id = dy.String(metadata=column("The landing file that brought it", KEY))
    line = dy.Int64(metadata=column("Its line in that file", "line number"))
    actor = dy.String(metadata=column("Who gave the order, or sent the file", "name"))
    checker = dy.String(
        nullable=True, metadata=column("Who approved the order, where two must", "name")
    )
    reason = dy.String(nullable=True, metadata=column("Why", "code of the lender's reasons"))
    correlation_id = dy.String(metadata=column("Ties it to the intake that took it", "text"))
    payload = dy.String(
        nullable=True, metadata=column("What its kind says beside the amount", "JSON")
    )
    recorded_at = dy.Datetime(
        time_unit="us", metadata=column("When the ledger took it", "time, UTC")
    )


REPLAY_ORDER = ("value_date", "source_system", "source_ref", "idempotency_key")
"""Order in which events of a day are taken, whatever files they came in."""
EVENT_COLUMNS = tuple(Events.column_names())


def with_payload(events: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Events of a kind with the fields that their payload has (null: left out), in place of it."""
    fields = ROW[kind].payload
    texts = pl.Struct({f.name: pl.String if f.type is pl.Date else f.type for f in fields})
    said = events.with_columns(pl.col("payload").str.json_decode(texts)).unnest("payload")
    return said.with_columns(pl.col(f.name).str.to_date() for f in fields if f.type is pl.Date)


def as_kept(events: pl.DataFrame) -> pl.DataFrame:
    """Events of files as the ledger will keep them (schema `Events`); what it stamps on them is null."""
    lacking = [pl.lit(None).alias(name) for name in EVENT_COLUMNS if name not in events.columns]
    return typed(events.with_columns(lacking), Events).select(EVENT_COLUMNS)
