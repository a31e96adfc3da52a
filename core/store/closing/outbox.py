"""Data files of the lake that no version names yet: written by whoever closes a part, named by one commit.

An encrypted lake takes no file from outside. So rows are inserted into a lake of their own, whose catalogue is a
small copy of this one's: the same tables, columns and partitions by the same numbers, the same folder of data, and
no file. DuckLake writes its files as it would here, each with a key of its own, and that catalogue then says what
this one needs to know of them. It is deleted at once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import CATALOGUE, insert, of_a_full_disk
from loanbook.core.store.queries import Queries
from loanbook.core.store.settings import Settings
from loanbook.core.store.storage.s3 import of_storage_away


@dataclass(frozen=True)
class NewFile:
    """A data file that the catalogue does not know yet: plain values, which travel."""

    table: str
    path: str
    """Below the table's folder."""
    file: dict[str, Any]
    """Its row of `ducklake_data_file`, without numbers of this catalogue."""
    partition: tuple[tuple[int, str], ...]
    columns: tuple[dict[str, Any], ...]
    """Its rows of `ducklake_file_column_stats`."""

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return int(self.file["record_count"])


def state_of(ledger: Queries) -> tuple[int, int]:
    """The lake's last snapshot, and the number of its schema."""
    snapshot, schema = ledger.rows(
        f"SELECT snapshot_id, schema_version FROM {CATALOGUE}.ducklake_snapshot "
        f"WHERE snapshot_id = (SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot)"
    )[0]
    return int(snapshot), int(schema)


def identity(ledger: Queries) -> str:
    """What no other ledger has: drawn when it was made."""
    (uuid,) = ledger.rows(
        f"SELECT schema_uuid FROM {CATALOGUE}.ducklake_schema WHERE schema_name = 'main' "
        "ORDER BY begin_snapshot LIMIT 1"
    )[0]
    return str(uuid)


def write_files(
    ledger: Queries, settings: Settings, name: str, tables: Iterable[tuple[str, pl.DataFrame]]
) -> tuple[NewFile, ...]:
    """Write rows of tables as encrypted files in folders of this `name`, which no one wrote to before.

    LedgerError where the disk is full, or the storage can't be used. Nothing names the files until they are registered.
    """
    box = Path(tempfile.mkdtemp(prefix="loanbook-outbox-"))
    alias = "_outbox"
    connection = ledger.connection
    try:
        _attach(ledger, settings, box / "box.sqlite", alias)
        connection.execute(f"DETACH {alias}")
        known = _copy(ledger, box / "box.sqlite", name)
        _attach(ledger, settings, box / "box.sqlite", alias)
        try:
            _insert(ledger, alias, tables)
            found = _files(ledger, alias, name, known)
        finally:
            connection.execute(f"DETACH {alias}")
        settings.place.keep(settings.place.at(f"main/{each.table}/{each.path}") for each in found)
        return found
    except Exception as error:
        if said := of_a_full_disk(error) or of_storage_away(error):
            raise LedgerError(said) from error
        raise
    finally:
        shutil.rmtree(box, ignore_errors=True)


def _attach(ledger: Queries, settings: Settings, box: Path, alias: str) -> None:
    data = settings.place.root.replace("'", "''")
    ledger.connection.execute(
        f"ATTACH 'ducklake:sqlite:{box}' AS {alias} (DATA_PATH '{data}', OVERRIDE_DATA_PATH TRUE, "
        "DATA_INLINING_ROW_LIMIT 0, ENCRYPTED)"
    )


_COPIED = {
    "ducklake_schema": ("schema_uuid::VARCHAR AS schema_uuid", "end_snapshot IS NULL"),
    "ducklake_column": ("", "end_snapshot IS NULL"),
    "ducklake_partition_info": ("", "end_snapshot IS NULL"),
    "ducklake_partition_column": (
        "", f"partition_id IN (SELECT partition_id FROM {CATALOGUE}.ducklake_partition_info "
        "WHERE end_snapshot IS NULL)"),
    "ducklake_schema_versions": ("", "true"),
    "ducklake_snapshot": (
        "snapshot_time::VARCHAR AS snapshot_time",
        f"snapshot_id = (SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot)"),
}  # fmt: skip
"""Tables of a catalogue that say what its tables are: what is replaced in a row, and which rows."""


def _copy(ledger: Queries, box: Path, name: str) -> dict[int, str]:
    """Copy the shape of the lake's tables into the catalogue `box`; their names by number."""
    connection = ledger.connection
    connection.execute(f"ATTACH '{box}' AS _box (TYPE sqlite)")
    try:
        connection.execute("BEGIN TRANSACTION")
        for table, (replaced, where) in _COPIED.items():
            connection.execute(f"DELETE FROM _box.{table}")
            shown = f"* REPLACE ({replaced})" if replaced else "*"
            connection.execute(
                f"INSERT INTO _box.{table} BY NAME SELECT {shown} FROM {CATALOGUE}.{table} WHERE {where}"
            )
        connection.execute(
            "INSERT INTO _box.ducklake_table BY NAME SELECT * REPLACE (table_uuid::VARCHAR AS table_uuid, "
            f"path || '{name}/' AS path) FROM {CATALOGUE}.ducklake_table WHERE end_snapshot IS NULL"
        )
        connection.execute(
            f"INSERT INTO _box.ducklake_metadata BY NAME SELECT * FROM {CATALOGUE}.ducklake_metadata "
            "WHERE key LIKE 'parquet_%'"
        )
        connection.execute("COMMIT")
        return dict(
            connection.execute("SELECT table_id, table_name FROM _box.ducklake_table").fetchall()
        )
    finally:
        connection.execute("DETACH _box")


ROWS_AT_ONCE = 250_000
"""Rows that a shard keeps in memory before they are in files, or little more."""


def _insert(ledger: Queries, alias: str, tables: Iterable[tuple[str, pl.DataFrame]]) -> None:
    connection = ledger.connection
    connection.execute("BEGIN TRANSACTION")
    written = 0
    try:
        for table, rows in tables:
            insert(connection, table, rows, alias)
            written += rows.height
            if written > ROWS_AT_ONCE:  # the rows of a transaction stay in memory until it ends
                connection.execute("COMMIT")
                connection.execute("BEGIN TRANSACTION")
                written = 0
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


_OWN = ("data_file_id", "table_id", "begin_snapshot", "end_snapshot", "file_order", "row_id_start")
"""Columns of a file's row that are numbers of its catalogue."""


def _files(ledger: Queries, alias: str, name: str, tables: dict[int, str]) -> tuple[NewFile, ...]:
    def rows(table: str, order: str) -> list[dict[str, Any]]:
        sql = f"SELECT * FROM __ducklake_metadata_{alias}.{table} ORDER BY {order}"
        return ledger.connection.execute(sql).pl().to_dicts()

    parts: dict[int, list[tuple[int, str]]] = {}
    for row in rows("ducklake_file_partition_value", "data_file_id, partition_key_index"):
        parts.setdefault(row["data_file_id"], []).append(
            (row["partition_key_index"], row["partition_value"])
        )
    columns: dict[int, list[dict[str, Any]]] = {}
    for row in rows("ducklake_file_column_stats", "data_file_id, column_id"):
        own = row.pop("data_file_id")
        row.pop("table_id")
        columns.setdefault(own, []).append(row)
    return tuple(
        NewFile(
            tables[row["table_id"]],
            f"{name}/{row['path']}",
            {key: value for key, value in row.items() if key not in (*_OWN, "path")},
            tuple(parts.get(row["data_file_id"], ())),
            tuple(columns.get(row["data_file_id"], ())),
        )
        for row in rows("ducklake_data_file", "data_file_id")
    )
