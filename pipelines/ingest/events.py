"""Rows of files as events: dated, keyed, hashed, each taken in once."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind
from loanbook.core.catalogue.events import ROW
from loanbook.core.contract.terms import Terms
from loanbook.core.policy.models import TapeMapping
from loanbook.pipelines.formats.commands import FIELDS
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.landing import LandingFile

SERVICE = "service:intake"


@dataclass
class Known:
    """What earlier rows have established: loans by key, events by idempotency key."""

    loans: pl.DataFrame
    events: pl.DataFrame
    first_open: dt.date | None
    standing: Callable[[pl.Series], pl.DataFrame]
    """How loans stand, for what may be ordered of them (`loanbook.core.store.order_context`)."""
    floating: Callable[[list[int]], pl.DataFrame]
    """Loans of products whose rate floats (`loanbook.core.store.order_context.floating`)."""
    met: Callable[[pl.Series], pl.DataFrame]
    """What their money met, for chargebacks (`loanbook.core.store.order_context.met`)."""
    history: Callable[[pl.Series], pl.DataFrame]
    """All their events, for interest refunds (`loanbook.core.store.order_context.history`)."""
    waiting: list[pl.DataFrame] = field(default_factory=list)
    """Events of files that are taken in and not committed yet."""


@dataclass(frozen=True)
class Taken:
    """What a file gave: counts of its rows, those refused, and what enters."""

    rows_in: int
    accepted: int
    duplicates: int
    bad: list[dict[str, Any]]
    events: pl.DataFrame | None
    loans: pl.DataFrame | None = None
    attributes: pl.DataFrame | None = None
    reported: pl.DataFrame | None = None


def together(taken: Taken, added: Taken) -> Taken:
    """Both together; rows in count once, with the file."""

    def both(one: pl.DataFrame | None, other: pl.DataFrame | None) -> pl.DataFrame | None:
        parts = [part for part in (one, other) if part is not None]
        return pl.concat(parts) if parts else None

    return Taken(
        taken.rows_in, taken.accepted + added.accepted, taken.duplicates + added.duplicates,
        taken.bad + added.bad, both(taken.events, added.events), both(taken.loans, added.loans),
        both(taken.attributes, added.attributes), both(taken.reported, added.reported),
    )  # fmt: skip


def _hashed(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """SHA-256 over canonical typed fields; no file, line or time takes part."""
    text = frame.select(
        pl.concat_str(pl.col(columns).cast(pl.String).fill_null(""), separator="\x1f")
    ).to_series()
    return pl.Series([hashlib.sha256(t.encode()).hexdigest() for t in text], dtype=pl.String)


_AND_CONTENT = "+"
"""Between the two parts of a body's hash: what every event has, and all else that its row says. An
event taken in by a release before has the first part alone, and is compared by it."""
_FIRST = 64
"""Characters of the first part: a SHA-256 in hexadecimal."""
_CONTENT = tuple(field.name for field in FIELDS if field.name != "amount")
_GIVEN = ("loan_id", "product", "taken_over_on")
"""Terms of a loan that its row does not say: its number, the version of its product, the file's date."""


def same_body(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """Whether a row says what the event of its key said before (columns `body_hash`)."""
    whole = before.str.contains(_AND_CONTENT, literal=True)
    return pl.when(whole).then(before == now).otherwise(before == now.str.slice(0, _FIRST))


def same_content(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """Whether a row says what the row of its key said before, whatever day it comes on (`body_hash`)."""
    whole = before.str.contains(_AND_CONTENT, literal=True)
    return ~whole | (before.str.slice(_FIRST) == now.str.slice(_FIRST))


def keep_new(events: pl.DataFrame, known: Known) -> tuple[pl.DataFrame, int, list[dict[str, Any]]]:
    """Events not seen before; how many are repetitions; and conflicts for quarantine.

    Same key and body: a duplicate. Same key, another body: `idempotency_conflict`.
    """
    old = known.events.select("idempotency_key", old_body="body_hash").unique("idempotency_key")
    marked = events.join(old, on="idempotency_key", how="left", maintain_order="left").with_columns(
        first_body=pl.col("body_hash").first().over("idempotency_key"),
        place=pl.int_range(pl.len()).over("idempotency_key"),
    )
    before = pl.coalesce("old_body", pl.when(pl.col("place") > 0).then("first_body"))
    same = same_body(before, pl.col("body_hash"))
    conflict = marked.filter(before.is_not_null() & ~same)
    bad = [
        {"line": line, "rule": "idempotency_conflict", "found": ref}
        for line, ref in conflict.select("line", "source_ref").rows()
    ]
    fresh = marked.filter(before.is_null()).select(events.columns)
    return fresh, marked.filter(before.is_not_null() & same).height, bad


def event(
    rows: pl.DataFrame, kind: Kind, source: str, entity: str, file: LandingFile, known: Known
) -> pl.DataFrame:
    """Rows as events without id: dated, keyed, with what every event must say."""
    assert file.business_date is not None
    booked = max(file.business_date, known.first_open or file.business_date)
    key = pl.concat_str(pl.lit(f"{entity}/{source}/{kind.name}/"), pl.col("source_ref"))
    frame = rows.with_columns(
        kind=pl.lit(kind.value, dtype=pl.Int8),
        booking_date=pl.lit(booked),
        source_system=pl.lit(source),
        idempotency_key=key,
        state=pl.when(pl.col("value_date") < booked)
        .then(EventState.late.value)
        .otherwise(EventState.accepted.value)
        .cast(pl.Int8),
    )
    body_columns = ["loan_key", "value_date", "amount", "currency", "reason", "maker", "checker"]
    if ROW[kind].payload_hashed:
        body_columns.append("payload")
    body = _hashed(frame, [c for c in body_columns if c in frame.columns])
    content = [c for c in _CONTENT if c in frame.columns]
    if kind is Kind.loan_boarded:
        content = [name for name in Terms.column_names() if name not in _GIVEN]
    if not content:
        return frame.with_columns(body_hash=body)
    return frame.with_columns(body_hash=body + _AND_CONTENT + _hashed(frame, content))


_EVENT_NULLS = {
    "amount": pl.Int64, "checker": pl.String, "reason": pl.String, "payload": pl.String,
}  # fmt: skip


def complete(events: pl.DataFrame) -> pl.DataFrame:
    """Columns that a kind of event does not have, as nulls; the actor defaults to intake."""
    missing = {n: pl.lit(None, dtype=t) for n, t in _EVENT_NULLS.items() if n not in events.columns}
    if "actor" not in events.columns:
        missing["actor"] = pl.lit(SERVICE)
    return events.with_columns(**missing).select(
        "kind", "loan_id", "loan_key", "value_date", "booking_date", "amount", "currency",
        "source_system", "source_ref", "idempotency_key", "body_hash", "state", "line", "actor",
        "checker", "reason", "payload",
    )  # fmt: skip


def matched(parsed: Parsed, known: Known, shown: str) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows joined to their loans; rows of unknown loans are refused. `shown`: column that is quoted."""
    joined = parsed.good.join(
        known.loans.rename({"currency": "loan_currency"}),
        on="loan_key", how="left", maintain_order="left",
    )  # fmt: skip
    unknown = joined.filter(pl.col("loan_id").is_null())
    bad = [
        {"line": line, "rule": "unknown_loan", "found": ref}
        for line, ref in unknown.select("line", shown).rows()
    ]
    return joined.filter(pl.col("loan_id").is_not_null()), bad


def events_of(
    rows: pl.DataFrame, kind: Kind, file: LandingFile, mapping: TapeMapping, known: Known
) -> Taken:
    """Events of one kind that are new, and the rows that are repeated or contradict."""
    events = complete(event(rows, kind, mapping.source_system, mapping.entity, file, known))
    fresh, duplicates, conflicts = keep_new(events, known)
    return Taken(0, fresh.height, duplicates, conflicts, fresh)
