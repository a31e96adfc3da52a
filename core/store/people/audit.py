"""The audit trail in the database: appended to in the transaction of what it tells of, read, verified."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import Actor, plain_name
from loanbook.core.access.trail import (
    ACTIVITIES,
    FAILURE,
    FIELDS,
    SUCCESS,
    Anchor,
    AuditError,
    Broken,
    broken,
    cleaned,
    link,
    text_of,
)
from loanbook.core.store.people.database import People
from loanbook.core.store.people.models import AuditEntry, AuditHead

_MICRO = 1_000_000
_CHUNK = 50_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Record:
    """What an entry tells beside who did it and when."""

    activity: str
    entity: tuple[str, str] | None = None
    """Kind and id of what it is about."""
    loan: str | None = None
    correlation: str | None = None
    success: bool = True
    detail: str | None = None
    """The reason that was given, or why it was refused."""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def append(people: People, session: Session, actor: Actor, told: Record) -> int:
    """Append an entry within a transaction that writes; returns its number.

    AuditError where the clock stands behind the last entry by more than the instance allows.
    """
    head = session.execute(
        select(AuditHead).where(AuditHead.id == 1).with_for_update()
    ).scalar_one()
    time = _micros(people.clock())
    _must_not_run_back(people, head.time, time)
    class_uid, activity_id = ACTIVITIES[told.activity]
    kind, uid = told.entity or (None, None)
    entry: dict[str, Any] = {
        "seq": head.seq + 1,
        "time": time,
        "class_uid": class_uid,
        "activity_id": activity_id,
        "activity_name": told.activity,
        "actor_user_name": cleaned(actor.name),
        "actor_user_groups": ",".join(sorted(actor.roles)),
        "actor_session_uid": actor.session or None,
        "src_endpoint_ip": cleaned(actor.address) or None,
        "device_name": cleaned(actor.device) or None,
        "metadata_correlation_uid": cleaned(told.correlation),
        "entity_type": kind,
        "entity_uid": cleaned(uid),
        "loan_key": cleaned(told.loan),
        "status_id": SUCCESS if told.success else FAILURE,
        "status_detail": cleaned(told.detail),
        "before": _as_json(told.before),
        "after": _as_json(told.after),
    }
    entry["hash"] = link(head.hash, text_of(entry))
    session.add(AuditEntry(**entry))
    head.seq, head.time, head.hash = entry["seq"], max(time, head.time), entry["hash"]
    session.flush()
    return int(entry["seq"])


def log(people: People, actor: Actor, told: Record) -> int:
    """Append an entry in a transaction of its own."""
    with people.writing() as session:
        return append(people, session, actor, told)


def head(people: People) -> tuple[int, str]:
    """Number of the last entry and its hash: what a version of the ledger is anchored by."""
    with people.reading() as session:
        row = session.execute(select(AuditHead.seq, AuditHead.hash)).one()
        return int(row.seq), str(row.hash)


def verified(people: People, anchors: Iterable[Anchor] = ()) -> tuple[int, Broken | None]:
    """How many entries there are, and the first that is not as it was written, or None."""
    count, hash_, found = broken(_texts(people), anchors)
    if found is None:
        last = head(people)
        if last != (count, hash_):
            why = f"the head names entry {last[0]} as the last, the trail ends with {count}: it was cut"
            found = Broken(count + 1, why)
    return count, found


def _texts(people: People) -> Iterator[tuple[int, str, str]]:
    """Number, text and hash of every entry; the database joins the fields, and a cursor of its driver gives plain
    tuples, which costs least. PostgreSQL's has a name: it keeps the rows that were not asked for yet."""
    char, named = ("char", ()) if people.engine.dialect.name == "sqlite" else ("chr", ("trail",))
    between, null = f"{char}(31)", f"{char}(30)"
    *others, last = FIELDS
    parts = [f"coalesce({name} || {between}, {null} || {between})" for name in others]
    joined = " || ".join([*parts, f"coalesce({last}, {null})"])
    connection = people.engine.raw_connection()
    try:
        cursor = connection.cursor(*named)
        cursor.execute(f"SELECT seq, {joined}, hash FROM audit ORDER BY seq")
        while part := cursor.fetchmany(_CHUNK):
            yield from part
    finally:
        connection.close()


def entries(
    people: People,
    *,
    actor: str | None = None,
    loan: str | None = None,
    since: dt.date | None = None,
    activity: str | None = None,
    last: int | None = None,
) -> pl.DataFrame:
    """Entries, newest last: the names of OCSF, `time` in UTC; of `last` so many of those that fit."""
    wanted = select(AuditEntry).order_by(AuditEntry.seq.desc())
    if actor is not None:
        wanted = wanted.where(AuditEntry.actor_user_name.in_([actor, plain_name(actor)]))
    if loan is not None:
        wanted = wanted.where(AuditEntry.loan_key == loan)
    if since is not None:
        start = dt.datetime.combine(since, dt.time(), dt.UTC)
        wanted = wanted.where(AuditEntry.time >= _micros(start))
    if activity is not None:
        wanted = wanted.where(AuditEntry.activity_name == activity)
    if last is not None:
        wanted = wanted.limit(last)
    names = (*FIELDS, "hash")
    with people.reading() as session:
        rows = [
            [getattr(entry, name) for name in names] for entry in session.execute(wanted).scalars()
        ]
    schema = {
        name: pl.Int64 if name in ("seq", "time", "class_uid", "activity_id", "status_id") else pl.String
        for name in names
    }  # fmt: skip
    told = pl.DataFrame(rows, schema=schema, orient="row").reverse()
    return told.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))


def _must_not_run_back(people: People, before: int, time: int) -> None:
    limit = people.rules.clock_skew_seconds
    behind = (before - time) / _MICRO
    if behind > limit:
        raise AuditError(
            f"the clock of this machine stands {behind:,.0f} s behind the last entry of the audit trail, more than "
            f"the {limit} s that [people] clock_skew_seconds allows: nothing was done; set the clock"
        )


def _micros(at: dt.datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * _MICRO + since.microseconds


def _as_json(told: Mapping[str, Any] | None) -> str | None:
    if told is None:
        return None
    return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
