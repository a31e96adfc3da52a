"""Events: append-only, one schema, the only thing that changes a loan."""

from __future__ import annotations

import dataframely as dy


class Events(dy.Schema):
    """One row per event, as the ledger keeps it. No free text, no personal data."""

    event_id = dy.Int64(primary_key=True)
    kind = dy.Int8()
    loan_id = dy.Int64()
    value_date = dy.Date()
    booking_date = dy.Date()
    amount = dy.Int64(nullable=True)  # minor units; null where the kind has none
    currency = dy.Int8()
    source_system = dy.String()
    source_ref = dy.String()
    idempotency_key = dy.String()
    body_hash = dy.String()
    state = dy.Int8()  # accepted, or pending restatement
    file_id = dy.String()
    line = dy.Int64()
    actor = dy.String()
    checker = dy.String(nullable=True)
    reason = dy.String(nullable=True)  # a code of the reasons table
    correlation_id = dy.String()
    payload = dy.String(nullable=True)  # terms of a boarded loan, as JSON
    recorded_at = dy.Datetime(time_unit="us")


REPLAY_ORDER = ("value_date", "source_system", "source_ref", "idempotency_key")
"""Order in which events of a day are taken, whatever files they came in."""
EVENT_COLUMNS = tuple(Events.column_names())
