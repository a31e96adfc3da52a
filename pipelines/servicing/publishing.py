"""Days that are computed become versions: committed, checked as stored, published or rejected.

Days of a small book are written together, each as its own version: a transaction costs such a book
more than its rows do.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.errors import LedgerError
from loanbook.core.servicing.laws.law import Law
from loanbook.core.servicing.loan.book import nobody_held
from loanbook.core.store.writer import Decision, Lawful, Ledger
from loanbook.core.store.writing import Provenance, control_totals
from loanbook.pipelines.servicing.held import with_names
from loanbook.pipelines.servicing.quality import (
    PUBLISHED_COLUMNS,
    Dated,
    Gate,
    against_the_past,
    entered,
    every_position_has_terms,
)


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


@dataclass(frozen=True)
class Computed:
    """A day that is computed and lawful, not yet written."""

    lawful: Lawful
    live_before: int | None
    """Loans that the day began with, held ones included; None on the first day."""
    seconds: float


DAYS_AT_ONCE, ROWS_AT_ONCE = 32, 20_000
"""Days, and positions in them, that are written at once at most: a transaction costs a small book more
than its rows do."""


class Writer:
    """Days that are computed, written in groups while the next ones are computed.

    The first day of a group that fails ends it: those before it are published.
    """

    def __init__(self, write: Callable[[list[Computed]], Written]) -> None:
        self._write = write
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._waiting: list[Computed] = []
        self._writing: Future[Written] | None = None
        self._told: list[DayReport] = []

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def add(self, done: Computed) -> None:
        """The next day; raises what those before it failed with."""
        self._waiting.append(done)
        rows = sum(each.lawful.closed.book.loans for each in self._waiting)
        if len(self._waiting) >= DAYS_AT_ONCE or rows >= ROWS_AT_ONCE:
            self._begin()

    def finish(self) -> None:
        """Wait until all days are written; raises what one of them failed with."""
        self._begin()
        self._end()

    def told(self) -> list[DayReport]:
        """Days that were published since this was asked before."""
        told, self._told = self._told, []
        return told

    def _begin(self) -> None:
        self._end()
        if self._waiting:
            self._writing = self._pool.submit(self._write, self._waiting)
            self._waiting = []

    def _end(self) -> None:
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        waiting, self._waiting = self._waiting, []  # dropped where those before them fail
        written = writing.result()
        self._told += written.reports
        if written.failed is not None:
            raise written.failed
        self._waiting = waiting


@dataclass(frozen=True)
class Written:
    """What became of days that were written together."""

    reports: list[DayReport]
    failed: NotPublishedError | None


@dataclass(frozen=True)
class Writing:
    """Commit days, check what was stored, publish or reject it."""

    ledger: Ledger
    gate: Gate
    by: Provenance
    stage: Callable[[str, dt.date], None]

    def __call__(self, days: list[Computed]) -> Written:
        """Write days that follow each other."""
        started = time.perf_counter()
        self.ledger.commit([day.lawful for day in days], self.by)
        written = time.perf_counter()
        for day in days:
            self.stage("committed", day.lawful.closed.date)
        versions = [(day.lawful.version, day.lawful.closed.date) for day in days]
        seen = self.gate.check(stored_positions(self.ledger, versions))
        with_terms = every_position_has_terms(
            self.ledger,
            {
                of: entered(day.lawful.closed, day.lawful.restated)
                for of, day in zip(versions, days, strict=True)
            },
        )
        checks = []
        for day in days:
            rows = [of.filter(version=day.lawful.version) for of in (seen, with_terms)]
            checks.append(pl.concat([rows[0], _follows(day), rows[1]], how="diagonal"))
        failed = decide(self.ledger, dict(zip(versions, checks, strict=True)), self.by)
        pairs = zip(days, checks, strict=True)
        good = list(takewhile(lambda pair: pair[1]["passed"].all(), pairs))
        for day, _ in good:
            self.stage("published", day.lawful.closed.date)
        shares = {
            "write": (written - started) / len(days),
            "gate": (time.perf_counter() - written) / len(days),
        }
        return Written([self._report(*each, shares) for each in good], failed)

    def _report(self, day: Computed, checks: pl.DataFrame, shares: dict[str, float]) -> DayReport:
        lawful = day.lawful
        closed = lawful.closed
        told = [laws_frame(lawful.laws), checks.select("suite", "name", "passed", "figures")]
        return DayReport(
            closed.date,
            lawful.version,
            closed.book.loans,
            closed.applied.height,
            control_totals(closed),
            pl.concat(told),
            {"compute": day.seconds} | shares,
            with_names(self.ledger, closed.book.held),
        )


def _follows(day: Computed) -> pl.DataFrame:
    """The day beside the one before it."""
    closed = day.lawful.closed
    return against_the_past(
        day.lawful.version, closed.date, closed.book.loans, closed.boarded.height, day.live_before
    )


def laws_frame(laws: list[Law]) -> pl.DataFrame:
    """Laws as rows that a report shows."""
    return pl.DataFrame(
        {
            "suite": ["laws"] * len(laws),
            "name": [law.name for law in laws],
            "passed": [law.holds for law in laws],
            "figures": [law.figures for law in laws],
        }
    )


def stored_positions(ledger: Ledger, versions: list[Dated]) -> dict[Dated, pl.DataFrame]:
    """What the gate looks at of each version, read back from the store as readers would see it."""
    rows = ledger.frame(
        f"SELECT version, {', '.join(PUBLISHED_COLUMNS)} FROM {{lake}}.positions "
        "WHERE version BETWEEN ? AND ? AND business_date BETWEEN ? AND ?",
        [versions[0][0], versions[-1][0], versions[0][1], versions[-1][1]],
    )
    return {each: rows.filter(version=each[0]) for each in versions}


def decide(
    ledger: Ledger, checks: dict[Dated, pl.DataFrame], by: Provenance
) -> NotPublishedError | None:
    """Publish the versions whose checks pass, to the first that fails any: it and those after it are
    rejected. Returns what is to be raised of it."""
    decisions, failed = [], None
    for (version, date), seen in checks.items():
        bad = seen.filter(~pl.col("passed"))
        if failed is not None:
            reason = f"it follows version {failed}, which was rejected"
        elif bad.is_empty():
            reason = "all checks passed"
        else:
            failed = version
            reason = "; ".join(
                f"{n}: {b} of {f}" for n, b, f in bad.select("name", "broken", "figures").rows()
            )
        decisions.append(Decision(version, date, seen, failed is None, reason))
    ledger.settle(decisions, by.actor)
    first = next((each for each in decisions if not each.published), None)
    if first is None:
        return None
    return NotPublishedError(
        f"{first.date}: version {first.version} was rejected, readers keep the version before it: "
        f"{first.reason}; mend the cause and run again"
    )


def settle_waiting(ledger: Ledger, by: Provenance, gate: Gate) -> list[dt.date]:
    """A run that died between commit and publish left versions: check them now and decide.

    Returns the dates that were published by it. Raises NotPublishedError where one is rejected.
    """
    head = ledger.head()
    if head.working_version is None:
        return []
    versions, before = ledger.waiting(), (head.published_version, head.published_date)
    stored = stored_positions(ledger, versions)
    seen, checks = gate.check(stored), {}
    with_terms = every_position_has_terms(
        ledger, {each: rows["loan_id"] for each, rows in stored.items()}
    )
    for version, date in versions:
        counts = _stored_counts(ledger, (version, date), before)
        checks[version, date] = pl.concat(
            [
                seen.filter(version=version),
                with_terms.filter(version=version),
                against_the_past(version, date, *counts),
            ],
            how="diagonal",
        )
        before = (version, date)
    failed = decide(ledger, checks, by)
    if failed is not None:
        raise failed
    return [date for _, date in versions]


def _stored_counts(
    ledger: Ledger, of: Dated, before: tuple[int, dt.date | None]
) -> tuple[int, int, int | None]:
    """Positions of a version that waits, loans that it boarded, and live ones before it: those of the
    version `before` it, with what its restatement brought back and without what that had end earlier."""
    (held,) = ledger.one(
        "SELECT count(*) FROM {lake}.positions WHERE version = ? AND business_date = ?",
        list(of),
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
        {"before": before[0], "on": before[1], "version": of[0], "date": of[1]},
    )
    return held, boarded, None if before[1] is None else live + back - gone
