"""A range of days as one run: close, laws, commit, checks, publish; the first failure stops it.

The book stays in memory from day to day. What is missing is read from the ledger's own head,
never from the orchestrator.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Kind
from loanbook.core.contract.boarding import terms_of
from loanbook.core.errors import LawBrokenError, LawsBrokenError, LedgerError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.laws.law import Law
from loanbook.core.servicing.laws.pinning import FAULTS
from loanbook.core.servicing.laws.setting_apart import Close, Day, Limit, close_lawfully
from loanbook.core.servicing.loan.book import Book, nobody_held
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.instance import read_instance
from loanbook.core.store.upkeep.used_policies import keep_used
from loanbook.core.store.writer import Head, Ledger
from loanbook.core.store.writing import Provenance, control_totals, digests_of
from loanbook.pipelines.servicing.held import told, with_names
from loanbook.pipelines.servicing.quality import (
    PUBLISHED_COLUMNS,
    Gate,
    against_the_past,
    entered,
    every_position_has_terms,
)

ONE_DAY = dt.timedelta(days=1)


class NotPublishedError(LedgerError):
    """A version failed its checks: it stays rejected, readers keep the one before."""


@dataclass(frozen=True)
class DayReport:
    """One published day, as a person would want to read it."""

    date: dt.date
    version: int
    loans: int
    events: int
    totals: dict[str, int]
    checks: pl.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)
    held: pl.DataFrame = field(default_factory=nobody_held)
    """Loans that are held (schema `HELD`), with `loan_key` and `product` where any is."""


def missing_days(ledger: Ledger, through: dt.date | None = None) -> list[dt.date]:
    """Business dates to close, in order: after the last published, to `through`, whether files have
    landed for it or not; without it to the last landed one."""
    first, last = ledger.landed_dates()
    if first is None or last is None:
        return []
    head = ledger.head()
    start = head.published_date + ONE_DAY if head.published_date else first
    end = through or last
    return [start + ONE_DAY * n for n in range((end - start).days + 1)]


@dataclass(frozen=True)
class _Computed:
    """A day that is computed and lawful, not yet written."""

    closed: DayClose
    balances: pl.DataFrame
    laws: list[Law]
    live_before: int | None
    """Loans that the day began with, held ones included; None on the first day."""
    seconds: dict[str, float]
    restated: Restatement | None
    digests: pl.DataFrame


def close_days(
    ledger: Ledger,
    policies: PolicyBook,
    days: list[dt.date],
    by: Provenance,
    *,
    close: Close = close,
    stage: Callable[[str, dt.date], None] = lambda name, date: None,
) -> Iterator[DayReport]:
    """Close the days in order, yielding each as it is published.

    While one day is written and checked, the next is computed. `close` is the engine, or a
    wrapper around it in a fault test; `stage` is told "computed", "committed", "published".
    Loans that break a law are held, up to the instance's limit. Raises PolicyError where a policy
    version that was used has another content, NotPublishedError, LawBrokenError or
    LedgerConflictError at the first day that fails; the days before it stay published, a day
    computed after it is dropped.
    """
    gate = Gate(policies.buckets("default", days[0] if days else dt.date.max))
    settled = settle_waiting(ledger, by, gate)
    days = [day for day in days if day != settled]
    if not days:
        return
    keep_used(ledger, policies, days[-1])
    head = ledger.head()
    _must_follow(head.published_date, days[0])
    # the book of this very head: another run may publish a day meanwhile, and is told at the commit
    parent = head.published_version
    book, balances = ledger.book_at(policies, parent, head.published_date)
    booked = _by_booking_date(ledger, days)
    versions = ledger.reserve(len(days))
    digests = _digests(pl.concat([book.pending, *booked.values()]), policies)
    limit = held_limit(ledger)
    with ThreadPoolExecutor(1, thread_name_prefix="ledger") as writer:
        writing: Future[DayReport] | None = None
        for date, version in zip(days, versions, strict=True):
            events = booked.get(date, book.pending.clear())
            past = _Published(ledger, policies, date, writing)
            day = Day(book, balances, events, past, policies, date, close)
            try:
                done = _computed(day, limit, digests, ledger)
            except Exception:
                if writing is not None:  # the day before is published, and told of, all the same
                    yield writing.result()
                raise
            stage("computed", date)
            if writing is not None:
                yield writing.result()
            writing = writer.submit(_written, ledger, gate, done, by, parent, version, stage)
            book, balances, parent = done.closed.book, done.balances, version
        assert writing is not None
        yield writing.result()


def _digests(events: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame | None:
    """Schedule digests of all loans that the events board, expanded in one pass; None where one of
    them can't be: then each day expands its own, and the loan at fault is held."""
    terms = terms_of(events.filter(pl.col("kind") == Kind.loan_boarded))
    try:
        return digests_of(agreed_terms(terms, policies.pins))
    except FAULTS:
        return None


def held_limit(ledger: Ledger) -> Limit:
    """How many loans the instance lets be held."""
    held = read_instance(ledger.settings.home).held
    return Limit(held.loans, held.percent)


class _Published(StoredHistory):
    """The past, once the day before is written: a day is computed while its parent is written."""

    def __init__(
        self, ledger: Ledger, policies: PolicyBook, date: dt.date,
        writing: Future[DayReport] | None,
    ) -> None:  # fmt: skip
        super().__init__(ledger, policies, date)
        self._writing = writing

    def events(self, ids: pl.Series) -> pl.DataFrame:
        if self._writing is not None:
            self._writing.result()
        return super().events(ids)


def _computed(day: Day, limit: Limit, digests: pl.DataFrame | None, ledger: Ledger) -> _Computed:
    started = time.perf_counter()
    if digests is None:  # a schedule can't be expanded: the engine expands each day's own
        day = replace(day, close=_expanding(day.close))
    try:
        done = close_lawfully(day, limit)
    except LawsBrokenError as broken:
        raise LawBrokenError(told(broken, ledger)) from broken
    if digests is None:
        digests = digests_of(done.closed.boarded)
    before = None
    if day.book.date:
        before = _live(done.before) + _back(done.before, done.closed) + _kept(done.closed)
    seconds = {"compute": time.perf_counter() - started}
    return _Computed(done.closed, done.balances, done.laws, before, seconds, done.restated, digests)


def _expanding(close: Close) -> Close:
    """The close, and the schedules of the loans that it boards."""

    def both(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
        done = close(book, events, policies, date)
        digests_of(done.boarded)
        return done

    return both


def _kept(closed: DayClose) -> int:
    """Loans that are held, of those in the book."""
    held = closed.book.held["loan_id"].implode()
    return int(closed.book.positions["loan_id"].is_in(held).sum())


def _back(book: Book, closed: DayClose) -> int:
    """Ended loans that something brought back today."""
    if book.closed is None:
        return 0
    ids = closed.book.positions["loan_id"]
    return int(ids.is_in(book.closed["loan_id"].implode()).sum())


def _written(
    ledger: Ledger,
    gate: Gate,
    done: _Computed,
    by: Provenance,
    parent: int,
    version: int,
    stage: Callable[[str, dt.date], None],
) -> DayReport:
    """Commit a day, check what was stored, publish or reject it."""
    date = done.closed.date
    started = time.perf_counter()
    ledger.commit(
        done.closed, done.balances, done.laws, by, parent, version, done.digests, done.restated
    )
    written = time.perf_counter()
    stage("committed", date)
    checks = pl.concat(
        [
            gate.check(version, date, stored_positions(ledger, version, date)),
            against_the_past(
                version, date, done.closed.book.loans, done.closed.boarded.height, done.live_before
            ),
            every_position_has_terms(ledger, version, date, entered(done.closed, done.restated)),
        ],
        how="diagonal",
    )
    _decide(ledger, version, date, checks, by)
    stage("published", date)
    seen = pl.concat([_laws_frame(done.laws), checks.select("suite", "name", "passed", "figures")])
    seconds = done.seconds | {"write": written - started, "gate": time.perf_counter() - written}
    return DayReport(
        date,
        version,
        done.closed.book.loans,
        done.closed.applied.height,
        control_totals(done.closed),
        seen,
        seconds,
        with_names(ledger, done.closed.book.held),
    )


def _laws_frame(laws: list[Law]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "suite": ["laws"] * len(laws),
            "name": [law.name for law in laws],
            "passed": [law.holds for law in laws],
            "figures": [law.figures for law in laws],
        }
    )


def _live(book: Book) -> int:
    return int((~book.positions["status"].is_in(ENDED)).sum())


def _must_follow(published: dt.date | None, first: dt.date) -> None:
    if published is not None and first <= published:
        raise LedgerError(
            f"{first} is closed already (published are days to {published}); a closed date that "
            "is run again changes nothing"
        )
    if published is not None and first > published + ONE_DAY:
        raise LedgerError(
            f"{published + ONE_DAY} must be closed before {first}; run `loanbook run`"
        )


def _by_booking_date(ledger: Ledger, days: list[dt.date]) -> dict[dt.date, pl.DataFrame]:
    events = ledger.events_booked(days[0], days[-1])
    return {key[0]: part for key, part in events.partition_by("booking_date", as_dict=True).items()}


def stored_positions(ledger: Ledger, version: int, date: dt.date) -> pl.DataFrame:
    """What the gate looks at, read back from the store as readers would see it."""
    return ledger.frame(
        f"SELECT {', '.join(PUBLISHED_COLUMNS)} FROM {{lake}}.positions WHERE version = ? "
        "AND business_date = ?",
        [version, date],
    )


def _decide(
    ledger: Ledger, version: int, date: dt.date, checks: pl.DataFrame, by: Provenance
) -> None:
    failed = checks.filter(~pl.col("passed"))
    if failed.is_empty():
        ledger.settle(
            version, date, checks, published=True, reason="all checks passed", actor=by.actor
        )
        return
    reason = "; ".join(
        f"{n}: {b} of {f}" for n, b, f in failed.select("name", "broken", "figures").rows()
    )
    ledger.settle(version, date, checks, published=False, reason=reason, actor=by.actor)
    raise NotPublishedError(
        f"{date}: version {version} was rejected, readers keep the version before it: {reason}; "
        "mend the cause and run again"
    )


def settle_waiting(ledger: Ledger, by: Provenance, gate: Gate) -> dt.date | None:
    """A run that died between commit and publish left a version: check it now and decide.

    Returns the date that was published by it, if any.
    """
    head = ledger.head()
    if head.working_version is None or head.working_date is None:
        return None
    version, date = head.working_version, head.working_date
    positions = stored_positions(ledger, version, date)
    checks = pl.concat(
        [
            gate.check(version, date, positions),
            every_position_has_terms(ledger, version, date, positions["loan_id"]),
            against_the_past(version, date, *_stored_counts(ledger, version, head)),
        ],
        how="diagonal",
    )
    _decide(ledger, version, date, checks, by)
    return date


def _stored_counts(ledger: Ledger, version: int, head: Head) -> tuple[int, int, int | None]:
    """Positions of a version that waits, loans that it boarded, and live ones before it: those of the
    version before, with what its restatement brought back and without what that had end earlier."""
    (held,) = ledger.one(
        "SELECT count(*) FROM {lake}.positions WHERE version = ? AND business_date = ?",
        [version, head.working_date],
    )
    ended = ", ".join(map(str, ENDED))
    boarded, back, gone, live = ledger.one(
        f"""
        WITH lived AS (SELECT loan_id FROM {{lake}}.positions WHERE version = $before
                       AND business_date = $on AND status NOT IN ({ended})),
        held AS (SELECT loan_id FROM {{lake}}.positions WHERE version = $version
                 AND business_date = $date),
        told AS (SELECT loan_id, close_reason, closed_on FROM {{lake}}.loans
                 WHERE version = $version)
        SELECT (SELECT count(*) FROM told WHERE close_reason IS NULL),
               (SELECT count(DISTINCT loan_id) FROM told WHERE close_reason = 'lives on'
                AND loan_id NOT IN (SELECT loan_id FROM lived)),
               (SELECT count(DISTINCT loan_id) FROM told WHERE closed_on < $date
                AND loan_id IN (SELECT loan_id FROM lived)
                AND loan_id NOT IN (SELECT loan_id FROM held)),
               (SELECT count(*) FROM lived)
        """,
        {"before": head.published_version, "on": head.published_date, "version": version,
         "date": head.working_date},
    )  # fmt: skip
    return held, boarded, None if head.published_date is None else live + back - gone
