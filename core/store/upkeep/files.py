"""Data files of the lake: flushed before they are published, looked for, given up with a version.

The catalogue knows each file's path and length; its content is encrypted with a tag, so that a changed
one can't be read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import PurePosixPath

import duckdb

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import CATALOGUE, LAKE, patiently, transaction
from loanbook.core.store.queries import Queries
from loanbook.core.store.storage.place import Place

_FILES = f"""
    SELECT t.table_name, f.path_is_relative, s.path || t.path || f.path, f.path, f.file_size_bytes
    FROM {CATALOGUE}.{{kind}} f JOIN {CATALOGUE}.ducklake_table t ON t.table_id = f.table_id
         AND t.end_snapshot IS NULL
    JOIN {CATALOGUE}.ducklake_schema s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    WHERE f.end_snapshot IS NULL AND f.begin_snapshot >= {{since}}
"""


@dataclass(frozen=True)
class DataFile:
    """A file of the lake, as the catalogue has it."""

    table: str
    path: str
    bytes: int


def data_files(ledger: Queries, place: Place, since: int = 0) -> list[DataFile]:
    """Files that hold rows now, those of snapshot `since` and later and in `place`."""
    rows = [
        row
        for kind in ("ducklake_data_file", "ducklake_delete_file")
        for row in ledger.rows(_FILES.format(kind=kind, since=since))
    ]
    return [
        DataFile(table, place.at(below) if relative else whole, length)
        for table, relative, below, whole, length in rows
    ]


def flush(ledger: Queries, place: Place) -> None:
    """Have the system write to disk what was written since the last publication, so that a version that
    is published stands after a loss of power. The catalogue flushes itself."""
    (since,) = ledger.rows(
        f"SELECT coalesce(max(f.begin_snapshot), 0) FROM {CATALOGUE}.ducklake_data_file f "
        f"JOIN {CATALOGUE}.ducklake_table t ON t.table_id = f.table_id "
        "WHERE t.table_name = 'publications'"
    )[0]
    place.keep(file.path for file in data_files(ledger, place, since))


def damaged(
    ledger: Queries, place: Place, files: list[DataFile], *, read: bool = False
) -> list[tuple[DataFile, str]]:
    """Those of `files` (`data_files`) that are missing, empty or of another length than the catalogue has, with
    what is amiss.

    `read`: also those of the right length that can't be read, which takes as long as reading all.
    """
    found = []
    lengths = place.lengths(ledger.connection, [file.path for file in files])
    for file in files:
        length = lengths.get(file.path)
        if length is None:
            found.append((file, "is missing"))
        elif length != file.bytes:
            what = "is empty" if not length else f"has {length:,} bytes, not {file.bytes:,}"
            found.append((file, what))
    if read and not found:
        found = [
            (file, "was changed: it can't be read") for file in files if not _readable(ledger, file)
        ]
    return found


_OWN_NAME = "regexp_extract(path, '[^/]+$')"
"""The name of a file in its folder; a shard's has one of its own below the table's. No two files share one."""


def _readable(ledger: Queries, file: DataFile) -> bool:
    is_this = f"{_OWN_NAME} = '{PurePosixPath(file.path).name}'"
    (key,) = ledger.rows(
        f"SELECT encryption_key FROM {CATALOGUE}.ducklake_data_file WHERE {is_this} "
        f"UNION ALL SELECT encryption_key FROM {CATALOGUE}.ducklake_delete_file WHERE {is_this}"
    )[0]
    name = file.path.replace("'", "''")
    with_key = f", encryption_config = {{footer_key_value: from_base64('{key}')}}" if key else ""
    try:
        ledger.connection.execute(
            # a count is told from the file's own statistics: a hash needs every value
            f"SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet('{name}'{with_key})"
        ).fetchall()
    except duckdb.Error:
        return False
    return True


@dataclass(frozen=True)
class Withdrawn:
    """Versions that were taken back, and what stands now."""

    first: int
    last: int
    parent: int
    through: dt.date
    """Business date of the last of them."""
    date: dt.date | None
    """Business date of the parent; None: nothing is published."""
    files: list[str]
    """Damaged files that held their rows alone, given up with them."""


def withdraw(ledger: Queries, place: Place, actor: str, reason: str) -> Withdrawn:
    """Take the last published version back: readers see the one before, its day closes again.

    Damaged files that hold its rows alone are taken out of the catalogue, so that nothing looks for
    them; where they hold rows of days that were published with it as well, those are taken back too.
    LedgerError, and nothing is taken back, where nothing is published, a version waits for its checks,
    or a damaged file holds rows of other versions.
    """
    # the engine's schemas come with it, for which a command that looks at files has no use
    from loanbook.core.store.closing.risk_events import take_back

    last, through = ledger.published()
    (waiting,) = ledger.one("SELECT working_version FROM {lake}.ledger_head")
    if through is None or waiting is not None:
        raise LedgerError(
            f"version {waiting} waits for its checks; run `loanbook close` first"
            if last
            else "nothing is published, so nothing can be taken back"
        )
    broken = _spans(ledger, place)
    (together,) = ledger.one(
        "SELECT min(version) FROM {lake}.publications WHERE state = 'published' AND settled_at = "
        f"(SELECT settled_at FROM {{lake}}.publications WHERE version = {last})"
    )
    low = min((low for _, _, low, _ in broken), default=last)
    first = low if together <= low else last
    _must_be_theirs(broken, first, last)
    (parent,) = ledger.one(f"SELECT parent FROM {{lake}}.versions WHERE version = {first}")
    before = ledger.rows(f"SELECT business_date FROM {{lake}}.versions WHERE version = {parent}")
    date = before[0][0] if before else None

    # where the damage took what they had told, there is nothing that could be said of it
    told_is_lost = any("/risk_events/" in path for _, path, _, _ in broken)

    def write() -> None:
        with transaction(ledger.connection):
            if not told_is_lost:
                take_back(ledger, first, last)
            ledger.connection.execute(
                f"UPDATE {LAKE}.publications SET state = 'withdrawn', reason = ?, actor = ?, "
                "settled_at = now()::TIMESTAMP WHERE version BETWEEN ? AND ? AND state = 'published'",
                [reason, actor, first, last],
            )
            ledger.connection.execute(
                f"UPDATE {LAKE}.ledger_head SET published_version = ?, published_date = ?",
                [parent, date],
            )

    patiently(write)
    return Withdrawn(first, last, parent, through, date, _forget(ledger, broken))


Span = tuple[int, str, int, int]
"""A data file's number in the catalogue, its path, and the lowest and highest version in it."""


def _spans(ledger: Queries, place: Place) -> list[Span]:
    """Damaged files."""
    broken = {
        PurePosixPath(file.path).name: file.path
        for file, _ in damaged(ledger, place, data_files(ledger, place), read=True)
    }
    if not broken:
        return []
    names = ", ".join(f"'{name}'" for name in broken)
    rows = ledger.rows(
        f"SELECT f.data_file_id, {_OWN_NAME}, s.min_value, s.max_value FROM {CATALOGUE}.ducklake_data_file f "
        f"LEFT JOIN {CATALOGUE}.ducklake_column c ON c.table_id = f.table_id AND c.column_name = 'version' "
        "AND c.end_snapshot IS NULL "
        f"LEFT JOIN {CATALOGUE}.ducklake_file_column_stats s ON s.data_file_id = f.data_file_id "
        f"AND s.column_id = c.column_id WHERE f.end_snapshot IS NULL AND {_OWN_NAME} IN ({names})"
    )
    # a table without versions holds what stands for all of them
    return [(n, broken[path], int(low or 0), int(high or 0)) for n, path, low, high in rows]


def _must_be_theirs(broken: list[Span], first: int, last: int) -> None:
    """LedgerError if a damaged file holds rows of versions that are not taken back."""
    others = [path for _, path, low, high in broken if low < first or high > last]
    if others:
        raise LedgerError(
            f"{len(others)} damaged files hold rows of other versions too, {PurePosixPath(others[0]).name} is one: "
            "nothing was taken back; restore them from a backup of the lake's folder"
        )


def _forget(ledger: Queries, broken: list[Span]) -> list[str]:
    """Take damaged files out of the catalogue."""
    if broken:
        numbers = ", ".join(str(number) for number, *_ in broken)
        ledger.connection.execute(
            f"UPDATE {CATALOGUE}.ducklake_data_file SET end_snapshot = "
            f"(SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot) "
            f"WHERE data_file_id IN ({numbers})"
        )
    return sorted(path for _, path, *_ in broken)
