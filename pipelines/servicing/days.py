"""A range of days as one run: close, laws, commit, checks, publish; the first failure stops it.

The book stays in memory from day to day. What is missing is read from the ledger's own head,
never from the orchestrator.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.boarding import terms_of
from loanbook.core.errors import LawBrokenError, LawsBrokenError, LedgerError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.laws.pinning import FAULTS
from loanbook.core.servicing.laws.setting_apart import Close, Day, Limit
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.store.banking.context import cash_booked
from loanbook.core.store.closing.risk_events import Outbox, outbox_of
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.instance import read_instance
from loanbook.core.store.lake import loans_of
from loanbook.core.store.upkeep.used_policies import keep_used
from loanbook.core.store.writer import Lawful, Ledger
from loanbook.core.store.writing import Provenance, digests_of
from loanbook.pipelines.servicing.held import told
from loanbook.pipelines.servicing.publishing import (
    Computed,
    DayReport,
    Writer,
    Writing,
    settle_waiting,
)
from loanbook.pipelines.servicing.quality import Gate
from loanbook.pipelines.servicing.sharding.computing import closed_with_digests, live_before
from loanbook.pipelines.servicing.sharding.driver import Run, close_in_shards, shards_of

ONE_DAY = dt.timedelta(days=1)


def missing_days(ledger: Ledger, through: dt.date | None = None) -> list[dt.date]:
    """Business dates to close, in order: after the last published, to `through`, whether files have
    landed for it or not; without it to the last landed one."""
    with ledger.at_once():
        (first, last), head = ledger.landed_dates(), ledger.head()
    if first is None or last is None:
        return []
    start = head.published_date + ONE_DAY if head.published_date else first
    end = through or last
    return [start + ONE_DAY * n for n in range((end - start).days + 1)]


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

    While days are written and checked, the next are computed; days of a small book are written
    together, each as its own version. `close` is the engine, or a
    wrapper around it in a fault test; `stage` is told "computed", "committed", "published".
    Loans that break a law are held, up to the instance's limit. Raises PolicyError where a policy
    version that was used has another content, NotPublishedError, LawBrokenError or
    LedgerConflictError at the first day that fails; the days before it stay published, a day
    computed after it is dropped.
    """
    gate = Gate(policies.buckets("default", days[0] if days else dt.date.max))
    settled = settle_waiting(ledger, by, gate)
    days = [day for day in days if day not in settled]
    if not days:
        return
    keep_used(ledger, policies, days[-1])
    head = ledger.head()
    _must_follow(head.published_date, days[0])
    rules, cash = read_instance(ledger.settings.home).close, cash_booked(ledger, days[0], days[-1])
    if shards_of(rules, loans_of(ledger.connection)):
        run = Run(ledger, policies, by, gate, held_limit(ledger), close, stage, cash)
        yield from close_in_shards(run, days, rules, ledger.reserve(len(days)))
        return
    # the book of this very head: another run may publish a day meanwhile, and is told at the commit
    parent = head.published_version
    book, balances = ledger.book_at(policies, parent, head.published_date)
    booked = _by_booking_date(ledger, days)
    versions = ledger.reserve(len(days))
    digests = digests_ahead(pl.concat([book.pending, *booked.values()]), policies)
    outbox = outbox_of(ledger, days[0], parent)
    limit = held_limit(ledger)
    with Writer(Writing(ledger, gate, by, stage)) as writer:
        for date, version in zip(days, versions, strict=True):
            events = booked.get(date, book.pending.clear())
            past = _Published(ledger, policies, date, writer)
            day = Day(book, balances, events, past, policies, date, with_cash(close, cash))
            try:
                done = _computed(day, limit, digests, ledger, (parent, version), outbox)
                stage("computed", date)
                writer.add(done)
            except Exception:
                writer.finish()  # the days before it are published, and told of, all the same
                yield from writer.told()
                raise
            yield from writer.told()
            book, balances, parent = done.lawful.closed.book, done.lawful.balances, version
            outbox = outbox.next_day()
        try:
            writer.finish()
        finally:
            yield from writer.told()


def with_cash(close: Close, cash: dict[dt.date, pl.DataFrame]) -> Close:
    """The close, with what money at banks moved on its date."""
    if not cash:
        return close

    def both(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
        done = close(book, events, policies, date)
        return done.beside(cash[date]) if date in cash else done

    return both


def digests_ahead(events: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame | None:
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
    """The past, once the days before are written: a day is computed while those are waiting."""

    def __init__(self, ledger: Ledger, policies: PolicyBook, date: dt.date, writer: Writer) -> None:
        super().__init__(ledger, policies, date)
        self._writer = writer

    def events(self, ids: pl.Series) -> pl.DataFrame:
        self._writer.finish()
        return super().events(ids)


def _computed(
    day: Day,
    limit: Limit,
    digests: pl.DataFrame | None,
    ledger: Ledger,
    versions: tuple[int, int],
    outbox: Outbox,
) -> Computed:
    """`versions`: the day's parent and its own; `outbox`: what no version told yet."""
    started = time.perf_counter()
    try:
        done, digests = closed_with_digests(day, limit, digests)
    except LawsBrokenError as broken:
        raise LawBrokenError(told(broken, ledger)) from broken
    before = live_before(done) if day.book.date else None
    changed = outbox.changes(done.before, done.closed)
    lawful = Lawful(
        done.closed, done.balances, done.laws, *versions, digests, done.restated, changed
    )
    return Computed(lawful, before, time.perf_counter() - started)


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
