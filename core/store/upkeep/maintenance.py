"""What keeps the cost of a night from growing with the ledger's age: files merged, snapshots expired, the rest
cleaned up by age.

Every version stays: the past is the column `version` of published rows, not the lake's snapshots. Each step is one
transaction of the lake, or deletes what nothing names any more; a run that was killed is ended by the next one.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loanbook.core.errors import LedgerError
from loanbook.core.store.instance import Maintenance
from loanbook.core.store.lake import (
    CATALOGUE,
    LAKE,
    alone,
    only_run,
    open_writer,
    patiently,
    transaction,
)
from loanbook.core.store.migrations import migrate
from loanbook.core.store.queries import Queries
from loanbook.core.store.settings import Settings
from loanbook.core.store.storage.place import Place
from loanbook.core.store.upkeep.files import data_files

Stage = Callable[[str, int, int], None]
"""Record each step before it begins: its name, how many are done, how many there are."""


@dataclass(frozen=True)
class Extent:
    """How large a ledger is."""

    files: int
    """Data files that hold rows now."""
    stored: int
    """Data files that lie there, those with them that wait to be deleted."""
    bytes: int
    """Bytes of the files that lie there."""
    catalogue: int
    """Bytes of an SQLite catalogue; 0: another keeps it."""
    snapshots: int


@dataclass(frozen=True)
class Maintained:
    """What a maintenance did, or with `dry_run` would do."""

    before: Extent
    after: Extent
    month: dt.date | None
    """First day of the month up to which files were merged; None: no month has ended since they were."""
    tables: tuple[str, ...]
    """Tables that were merged."""
    expired: int
    """Snapshots of the lake."""
    cleaned: int
    """Files that were merged before, deleted."""
    orphans: int
    """Files of runs that were killed, deleted."""
    vacuumed: bool


def maintain(
    settings: Settings,
    rules: Maintenance,
    actor: str,
    *,
    dry_run: bool = False,
    stage: Stage = lambda name, done, total: None,
) -> Maintained:
    """Merge the months that ended since it was done last, table by table; expire, clean up, vacuum.

    A month's files are merged once, so that a date is rewritten at most twice: with the month that runs, as far as
    it is, and when that has ended. LedgerConflictError where another maintenance works on the ledger, or a writer
    keeps the lake for minutes. `dry_run`: nothing is changed, `after` is `before`.
    """
    if not settings.has_ledger:
        raise LedgerError(f"there is no ledger in {settings.home} yet: nothing is to be maintained")
    settings.lake.mkdir(parents=True, exist_ok=True)
    with only_run(settings.lake):
        with Queries(open_writer(settings)) as ledger:
            patiently(lambda: migrate(ledger.connection))
            before = extent(ledger, settings)
            month = _month_to_merge(ledger)
            tables = _scattered(ledger) if month else ()
            steps = [*(f"merge {name}" for name in tables), "expire", "clean up", "vacuum"]

            def begin(name: str) -> None:
                stage(name, steps.index(name), len(steps))

            for name in () if dry_run else tables:
                begin(f"merge {name}")
                _merge(ledger, settings.place, name)
            if month and not dry_run:
                _record(ledger, month, actor)
            begin("expire")
            expired = _call(ledger, "ducklake_expire_snapshots", rules.snapshot_days, dry_run)
            begin("clean up")
            cleaned = _call(ledger, "ducklake_cleanup_old_files", rules.merged_days, dry_run)
            orphans = _call(ledger, "ducklake_delete_orphaned_files", rules.orphan_days, dry_run)
            after = before if dry_run else extent(ledger, settings)
        begin("vacuum")
        vacuumed = not dry_run and not settings.catalogue and _vacuum(settings.sqlite)
    if vacuumed:
        after = Extent(
            after.files, after.stored, after.bytes, _size(settings.sqlite), after.snapshots
        )
    return Maintained(before, after, month, tables, expired, cleaned, orphans, vacuumed)


def extent(ledger: Queries, settings: Settings) -> Extent:
    """How large the ledger is now."""
    stored = settings.place.listed(ledger.connection).values()
    (snapshots,) = ledger.rows(f"SELECT count(*) FROM {CATALOGUE}.ducklake_snapshot")[0]
    catalogue = 0 if settings.catalogue else _size(settings.sqlite)
    files = len(data_files(ledger, settings.place))
    return Extent(files, len(stored), sum(stored), catalogue, snapshots)


def _size(catalogue: Path) -> int:
    """Bytes of an SQLite file and what it has not written back yet."""
    parts = (catalogue, catalogue.with_name(catalogue.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def _month_to_merge(ledger: Queries) -> dt.date | None:
    """First day of the month that runs, where the ones before were not merged yet."""
    _, date = ledger.published()
    (done,) = ledger.one("SELECT max(merged_to) FROM {lake}.maintenance")
    if date is None:
        return None
    month = date.replace(day=1)
    return month if done is None or done < month else None


def _scattered(ledger: Queries) -> tuple[str, ...]:
    """Tables with more than one data file in a partition."""
    rows = ledger.rows(
        f"""
        WITH parts AS (
            SELECT data_file_id, string_agg(partition_value, '-' ORDER BY partition_key_index) AS part
            FROM {CATALOGUE}.ducklake_file_partition_value GROUP BY data_file_id)
        SELECT DISTINCT t.table_name
        FROM {CATALOGUE}.ducklake_data_file f JOIN {CATALOGUE}.ducklake_table t ON t.table_id = f.table_id
        LEFT JOIN parts p ON p.data_file_id = f.data_file_id
        WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL
        GROUP BY t.table_name, f.partition_id, p.part HAVING count(*) > 1 ORDER BY t.table_name
        """
    )
    return tuple(name for (name,) in rows)


def _merge(ledger: Queries, place: Place, table: str) -> None:
    """Merge one table's files and have them written to disk; those before them stay, for readers that began."""
    known = {file.path for file in data_files(ledger, place)}
    with alone(ledger.connection):
        patiently(lambda: ledger.rows(f"CALL ducklake_merge_adjacent_files('{LAKE}', '{table}')"))
    place.keep(file.path for file in data_files(ledger, place) if file.path not in known)


def _record(ledger: Queries, month: dt.date, actor: str) -> None:
    """Tell that all before a month is merged."""

    def write() -> None:
        with transaction(ledger.connection):
            ledger.connection.execute(
                f"INSERT INTO {LAKE}.maintenance VALUES (?, ?, now()::TIMESTAMP)", [month, actor]
            )

    patiently(write)


def _call(ledger: Queries, procedure: str, days: int, dry_run: bool) -> int:
    """Do away with what is older than so many days; how many there were. Never without an age: a reader that
    began, or a close that runs, still needs what is young."""
    older = f"now() - INTERVAL {days} DAY"
    with alone(ledger.connection):
        gone = patiently(
            lambda: ledger.rows(
                f"CALL {procedure}('{LAKE}', dry_run => {dry_run}, older_than => {older})"
            )
        )
    return len(gone)


def _vacuum(catalogue: Path) -> bool:
    """Give back the room of rows that are gone, where it is a quarter of the file; False: it is not, or another
    process holds the file."""
    with sqlite3.connect(catalogue, timeout=20, isolation_level=None) as connection:
        (free,), (pages,) = (
            connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("freelist_count", "page_count")
        )
        done = free * 4 > pages
        try:
            if done:
                connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:  # busy: the next run finds the room again
            done = False
    connection.close()
    return done
