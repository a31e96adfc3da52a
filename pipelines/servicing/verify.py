"""Replay and rebuild: recompute from events, compare with what is stored, write nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.errors import LedgerError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.explain.explain import Explanation, explain, waiting
from loanbook.core.servicing.explain.lines import Held
from loanbook.core.servicing.laws.accounts import movements_after
from loanbook.core.servicing.loan.book import nobody_held
from loanbook.core.servicing.loan.positions import Positions
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.servicing.replay.fast_forward import History
from loanbook.core.servicing.replay.replay import closes, differences, live, relived
from loanbook.core.store.banking.context import cash_booked
from loanbook.core.store.clocks import NOT_RESTATED_BY, Clocks
from loanbook.core.store.closing.books import BALANCES
from loanbook.core.store.queries import PUBLISHED, Queries
from loanbook.core.store.writer import Ledger
from loanbook.core.store.writing import day_rows, digests_of, restated_rows
from loanbook.pipelines.resources import code_hash
from loanbook.pipelines.servicing.days import digests_ahead
from loanbook.pipelines.servicing.publishing import DAYS_AT_ONCE, ROWS_AT_ONCE

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
    ledger: Queries,
    policies: PolicyBook,
    loan_id: int,
    at: Clocks | None = None,
) -> Verified:
    """Recompute one loan from its events and compare every day of it, by both clocks (default: now)."""
    at = at or now(ledger)
    lived = relived(ledger.life_of(loan_id, at.booked), policies, at.on)
    return against_stored(ledger, loan_id, lived, at)


def now(ledger: Queries) -> Clocks:
    """The last published date, as it is known now; LedgerError where nothing is published."""
    version, last = ledger.published()
    if last is None:
        raise LedgerError("nothing is published yet; run `loanbook run` first")
    return Clocks(last, version, version, last)


def against_stored(ledger: Queries, loan_id: int, lived: History | None, at: Clocks) -> Verified:
    """One loan as it was lived again (None: it never was) beside every day that the ledger has of it."""
    columns = ["business_date", *Positions.column_names()]
    stored = ledger.frame(
        f"SELECT {', '.join(f'p.{c}' for c in columns)} FROM {{lake}}.positions p "
        "WHERE loan_id = ? AND business_date <= ? AND version <= ? "
        f"AND version IN {PUBLISHED} AND {NOT_RESTATED_BY.format(row='p')} ORDER BY business_date",
        [loan_id, at.on, at.known, at.known],
    )
    replayed = stored.clear()
    first = lived.rounds[0].applied["value_date"].min() if lived and lived.rounds else None
    if lived is not None and isinstance(first, dt.date):
        replayed = lived.stay.positions(first, at.on).select(columns)
    held = ledger.frame(
        "SELECT p.business_date FROM {lake}.held_loans p WHERE loan_id = ? AND version <= ? "
        f"AND version IN {PUBLISHED} AND {NOT_RESTATED_BY.format(row='p')}",
        [loan_id, at.known, at.known],
    )
    if held.height:  # on these days the ledger has the last good position, and says so
        stored, replayed = (
            rows.join(held, on="business_date", how="anti") for rows in (stored, replayed)
        )
    found = differences(stored, replayed, ["business_date", "loan_id"])
    count = replayed["business_date"].n_unique()
    return Verified(count, replayed.height, found, digest([replayed]))


def lived_by(ledger: Queries, policies: PolicyBook, loan_id: int, at: Clocks) -> History:
    """The life of a loan from its events, by both clocks; LedgerError where it is not boarded by then."""
    lived = relived(ledger.life_of(loan_id, at.booked), policies, at.on)
    if lived is None or not lived.rounds:
        raise LedgerError(not_boarded(ledger, loan_id, at))
    return lived


def not_boarded(ledger: Queries, loan_id: int, at: Clocks) -> str:
    """What a person is told who asks for a loan that is not in the book yet, by both clocks."""
    known = ledger.loan_keys().filter(pl.col("loan_id") == loan_id)
    key = known["loan_key"].item() if known.height else f"#{loan_id}"
    first = ledger.first_open()
    if known.height and first and at.on >= first - dt.timedelta(days=1) and at.is_now:
        return f"loan {key} has not been boarded by {at.on}: it is taken in, and a coming close books it"
    return f"loan {key} has not been boarded by {at.on}; see `loanbook loan list`"


def explained(
    ledger: Queries, policies: PolicyBook, loan_id: int, at: Clocks
) -> tuple[Explanation, Verified]:
    """A loan explained, and its life beside what the ledger has stored of it.

    Of a loan that is held on the date: to its last good position, with why it is held and what waits.
    Raises LedgerError where they differ, or the lines do not account for every cent.
    """
    held = _held(ledger, loan_id, at)
    if held is not None:
        if held.good_until is None:  # it has not entered the book
            never = against_stored(ledger, loan_id, None, at)
            return replace(explain([], policies, loan_id, at.on), held=held), never
        good = replace(at, on=held.good_until, booked=held.good_until)
        explanation, seen = _to_the_date(ledger, policies, loan_id, good)
        return replace(explanation, as_of=at.on, held=held), seen
    return _to_the_date(ledger, policies, loan_id, at)


def _held(ledger: Queries, loan_id: int, at: Clocks) -> Held | None:
    """Why a loan is held on the date, as known by then; None: it is not."""
    rows = ledger.frame(
        "SELECT p.since, p.good_until, p.law, p.figures, p.remedy FROM {lake}.held_loans p "
        "WHERE loan_id = ? AND business_date = ? AND version <= ? "
        f"AND version IN {PUBLISHED} AND {NOT_RESTATED_BY.format(row='p')}",
        [loan_id, at.on, at.known, at.known],
    )
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    events = ledger.life_of(loan_id, at.booked)
    if row["good_until"] is not None:
        events = events.filter(pl.col("booking_date") > row["good_until"])
    return Held(**row, waiting=waiting(events, CURRENCY_NAMES[int(events["currency"][0])]))


def _to_the_date(
    ledger: Queries, policies: PolicyBook, loan_id: int, at: Clocks
) -> tuple[Explanation, Verified]:
    """A loan explained to a date on which it is not held; see `explained`."""
    lived = lived_by(ledger, policies, loan_id, at)
    seen = against_stored(ledger, loan_id, lived, at)
    if seen.differences.height:
        first = seen.differences.sort("business_date", "column").row(0, named=True)
        raise LedgerError(
            f"loan #{loan_id} can't be explained: its events and policies give {first['replayed']} for "
            f"{first['column']} on {first['business_date']}, the ledger has {first['stored']} "
            f"({seen.differences.height} cells differ; `loanbook replay` lists them). This is a defect, report it"
        )
    explanation = explain(closes(lived, at.on), policies, loan_id, at.on)
    if not explanation.accounted:
        raise LedgerError(
            f"the lines of loan #{loan_id} do not sum to its position; this is a defect, report it"
        )
    return explanation, seen


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
    same = ledger.frame("SELECT version FROM {lake}.versions WHERE code_hash = ?", [code_hash()])
    by_this_code = set(same["version"])
    events = ledger.events_booked(dt.date.min, head.published_date)
    found, rows, days = [], 0, 0
    whole = hashlib.sha256()
    balances = pl.DataFrame(schema=BALANCES)
    known = events.clear()["loan_id"]
    ahead = digests_ahead(events, policies)
    stored_rows = _Stored(ledger, [versions[day] for day in sorted(versions)])

    cash = cash_booked(ledger, dt.date.min, head.published_date)
    held = ledger.held_by_version()
    lives = live(events, policies, head.published_date,
                 held=lambda date: held.get((versions[date],), nobody_held()))  # fmt: skip
    for _, closed, restated in lives:
        version = versions[closed.date]
        closed = closed.beside(cash[closed.date]) if closed.date in cash else closed  # noqa: PLW2901
        balances = movements_after(balances, closed)
        digests = digests_of(closed.boarded) if ahead is None else ahead
        stands = balances.with_columns(business_date=pl.lit(closed.date))
        computed = day_rows(closed, digests) | {"account_balances": stands}
        if restated is not None:
            again = _restated_tables(ledger, version, closed, restated, known)
            computed = {name: _both(rows, again.get(name)) for name, rows in computed.items()} | {
                name: rows for name, rows in again.items() if name not in computed
            }
            known = pl.concat([known, restated.loans])
        known = pl.concat([known, closed.boarded["loan_id"]])
        if version not in by_this_code:  # a digest is made by the code that wrote it
            computed["schedules"] = computed["schedules"].drop("schedule_digest", strict=False)
        for name, frame in computed.items():
            rows += frame.height
            stored, rebuilt = stored_rows.of(version, name, frame), digest([frame])
            recorded = rebuilt if stored.equals(frame) else digest([stored])
            whole.update(rebuilt.encode())
            if rebuilt != recorded:
                found.append(
                    {"date": closed.date, "table": name, "stored": recorded, "rebuilt": rebuilt}
                )
        days += 1
        progress(closed.date)
    return Verified(days, rows, pl.DataFrame(found), whole.hexdigest())


def _restated_tables(
    ledger: Ledger, version: int, closed: DayClose, restated: Restatement, known: pl.Series
) -> dict[str, pl.DataFrame]:
    """What a version stores of days lived again, in the spans of days that it says it restated.

    Here loans are lived again from their first day, whatever their news changed.
    """
    spans = ledger.frame(
        "SELECT loan_id, from_date, through_date FROM {lake}.restated_loans WHERE version = ?",
        [version],
    )
    new = restated.loans.filter(~restated.loans.is_in(known.implode()))
    tables = restated_rows(closed, restated, new)
    days = {"positions": "business_date", "dues": "business_date", "allocations": "business_date",
            "changed_terms": "business_date", "schedules": "valid_from"}  # fmt: skip
    for name, day in days.items():
        told = tables[name].join(spans, on="loan_id", how="left", maintain_order="left")
        tables[name] = told.filter(pl.col(day) >= pl.col("from_date")).drop(spans.columns[1:])
    first = spans["from_date"].min()
    ended = pl.col("closed_on")
    tables["loans"] = tables["loans"].filter(ended.is_null() | (ended >= pl.lit(first)))
    marked = tables["restated_loans"].drop("from_date", "through_date")
    return tables | {"restated_loans": marked.join(spans, on="loan_id", how="left")}


def _both(day: pl.DataFrame, again: pl.DataFrame | None) -> pl.DataFrame:
    return day if again is None else pl.concat([day, again], how="diagonal_relaxed")


class _Stored:
    """What the ledger holds of versions, read for several days at once where they are small."""

    def __init__(self, ledger: Ledger, versions: list[int]) -> None:
        self._ledger, self._versions = ledger, versions
        (most,) = ledger.one("SELECT max(positions) FROM {lake}.versions")
        self._days = max(1, min(DAYS_AT_ONCE, ROWS_AT_ONCE // max(most or 0, 1)))
        self._read: list[int] = []
        self._tables: dict[str, dict[tuple[object, ...], pl.DataFrame]] = {}
        self._empty: dict[str, pl.DataFrame] = {}

    def of(self, version: int, name: str, like: pl.DataFrame) -> pl.DataFrame:
        """A table's rows of a version, in the columns and types of what was computed."""
        if version not in self._read:
            at = self._versions.index(version)
            self._read, self._tables = self._versions[at : at + self._days], {}
        if name not in self._tables:
            rows = self._ledger.frame(
                f"SELECT * FROM {{lake}}.{name} WHERE version IN (SELECT unnest(?))", [self._read]
            )
            self._empty[name] = rows.clear()
            self._tables[name] = rows.partition_by("version", as_dict=True)
        rows = self._tables[name].get((version,), self._empty[name])
        return rows.select(like.columns).cast(dict(like.schema))  # type: ignore[arg-type]


def digest(frames: list[pl.DataFrame]) -> str:
    """SHA-256 over sorted rows as text: independent of row order, file layout and version."""
    total = hashlib.sha256()
    for frame in frames:
        rows = frame.sort(pl.all()).select(
            pl.concat_str(pl.all().cast(pl.String).fill_null("∅"), separator="|")
        )
        total.update("\n".join(rows.to_series()).encode())
    return total.hexdigest()
