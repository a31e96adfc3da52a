"""Replay and rebuild: recompute from events, compare with what is stored, write nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.frames import empty
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.ledger.transfers import Transfers
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.positions import Positions
from loanbook.core.servicing.replay.replay import differences, live, relived
from loanbook.core.store.clocks import NOT_RESTATED
from loanbook.core.store.queries import PUBLISHED
from loanbook.core.store.writer import Ledger

Progress = Callable[[dt.date], None]


@dataclass(frozen=True)
class Verified:
    """What a recomputation found."""

    days: int
    rows: int
    differences: pl.DataFrame
    digest: str
    """SHA-256 over what was recomputed: equal books give equal digests."""


def replay_loan(
    ledger: Ledger, policies: PolicyBook, loan_id: int, progress: Progress = lambda date: None
) -> Verified:
    """Recompute one loan from its events and compare every day of it, as known last."""
    head = ledger.head()
    if head.published_date is None:
        raise LedgerError("nothing is published yet; run `loanbook run` first")
    events = ledger.life_of(loan_id, head.published_date)
    lived = relived(events, policies, head.published_date)
    first = effective_events(events)["value_date"].min()
    columns = ["business_date", *Positions.column_names()]
    stored = ledger.frame(
        f"SELECT {', '.join(f'p.{c}' for c in columns)} FROM {{lake}}.positions p "
        f"WHERE loan_id = ? AND version IN {PUBLISHED} AND {NOT_RESTATED.format(row='p')} "
        "ORDER BY business_date",
        [loan_id],
    )
    replayed = stored.clear()
    if lived is not None and isinstance(first, dt.date):
        days = lived.stay.positions(first, head.published_date)
        replayed = days.rename({"business_date": "business_date"}).select(columns)
    found = differences(stored, replayed, ["business_date", "loan_id"])
    count = replayed["business_date"].n_unique()
    return Verified(count, replayed.height, found, digest([replayed]))


def rebuild(
    ledger: Ledger, policies: PolicyBook, progress: Progress = lambda date: None
) -> Verified:
    """Recompute the whole ledger from events, and compare every published day with it."""
    head = ledger.head()
    if head.published_date is None:
        raise LedgerError("nothing is published yet; run `loanbook run` first")
    versions = dict(
        ledger.frame(
            "SELECT business_date, v.version FROM {lake}.versions v JOIN {lake}.publications p "
            "ON p.version = v.version AND p.state = 'published'"
        ).rows()
    )
    events = ledger.events_booked(dt.date.min, head.published_date)
    found, rows, days = [], 0, 0
    whole = hashlib.sha256()
    for _, closed, _ in live(events, policies, head.published_date):
        computed = _tables(closed)
        stored = _stored(ledger, versions[closed.date], closed.date)
        for name, frame in computed.items():
            rows += frame.height
            rebuilt, recorded = digest([frame]), digest([stored[name]])
            whole.update(rebuilt.encode())
            if rebuilt != recorded:
                found.append(
                    {"date": closed.date, "table": name, "stored": recorded, "rebuilt": rebuilt}
                )
        days += 1
        progress(closed.date)
    return Verified(days, rows, pl.DataFrame(found), whole.hexdigest())


def _tables(closed: DayClose) -> dict[str, pl.DataFrame]:
    return {
        "positions": closed.book.positions.select(Positions.column_names()),
        "dues": closed.book.dues.select(Dues.column_names()),
        "transfers": closed.transfers.select(Transfers.column_names()),
    }


def _stored(ledger: Ledger, version: int, date: dt.date) -> dict[str, pl.DataFrame]:
    schemas = {"positions": Positions, "dues": Dues, "transfers": Transfers}
    return {
        name: ledger.frame(
            f"SELECT {', '.join(schema.column_names())} FROM {{lake}}.{name} WHERE version = ? "
            f"AND {'booking_date' if name == 'transfers' else 'business_date'} = ?",
            [version, date],
        ).cast(dict(empty(schema).schema))  # type: ignore[arg-type]
        for name, schema in schemas.items()
    }


def digest(frames: list[pl.DataFrame]) -> str:
    """SHA-256 over sorted rows as text: independent of row order, file layout and version."""
    total = hashlib.sha256()
    for frame in frames:
        rows = frame.sort(pl.all()).select(
            pl.concat_str(pl.all().cast(pl.String).fill_null("∅"), separator="|")
        )
        total.update("\n".join(rows.to_series()).encode())
    return total.hexdigest()
