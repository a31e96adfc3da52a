"""The one commit that names files written beforehand: all of them, and the row that decides, or none.

DuckLake's own functions take no encrypted file that its catalogue does not know, and a transaction of DuckDB
writes to one database. So this is DuckLake's commit, by its published format: rows of the catalogue in one
transaction, of the next snapshot. Whoever committed meanwhile has taken that number, and this one is made again.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.errors import LedgerConflictError, LedgerError
from loanbook.core.store.closing.outbox import NewFile, state_of
from loanbook.core.store.lake import CATALOGUE, insert, registered, transaction
from loanbook.core.store.queries import Queries


class MovedOnError(LedgerConflictError):
    """Someone committed since the snapshot that this commit was prepared for."""


def register(
    ledger: Queries,
    files: Sequence[NewFile],
    replaced: str,
    at: tuple[int, int],
    said: tuple[str, str],
) -> None:
    """Name files in the catalogue as the snapshot after `at` (`state_of`); all rows of table `replaced` go.

    `said`: who commits and what. Raises MovedOnError where the lake is no longer `at`, LedgerError where a file
    is known already or lies in a partition that its table no longer has; nothing is kept then.
    """
    with transaction(ledger.connection):
        if state_of(ledger) != at:
            raise MovedOnError("another run committed meanwhile, nothing of this attempt was kept")
        tables = {
            name: (number, partition)
            for name, number, partition in ledger.rows(
                f"SELECT t.table_name, t.table_id, p.partition_id FROM {CATALOGUE}.ducklake_table t LEFT JOIN "
                f"{CATALOGUE}.ducklake_partition_info p ON p.table_id = t.table_id AND p.end_snapshot IS NULL "
                # a partition that was given up is one without columns, and its files have none
                f"AND p.partition_id IN (SELECT partition_id FROM {CATALOGUE}.ducklake_partition_column) "
                "WHERE t.end_snapshot IS NULL"
            )
        }
        _must_fit(ledger, files, tables)
        numbered = _numbered(ledger, files, tables, at[0] + 1)
        gone = tables[replaced][0]
        for kind in ("data_file", "delete_file"):
            ledger.connection.execute(
                f"UPDATE {CATALOGUE}.ducklake_{kind} SET end_snapshot = {at[0] + 1} "
                f"WHERE table_id = {gone} AND end_snapshot IS NULL"
            )
        _put(ledger, "ducklake_data_file", numbered)
        ids = numbered["data_file_id"].to_list()
        columns = _statistics(files, numbered)
        _put(ledger, "ducklake_file_column_stats", columns)
        parts = [
            {"data_file_id": n, "table_id": tables[each.table][0], "partition_key_index": place,
             "partition_value": value}
            for n, each in zip(ids, files, strict=True) for place, value in each.partition
        ]  # fmt: skip
        _put(ledger, "ducklake_file_partition_value", pl.DataFrame(parts))
        _count(ledger, numbered, columns)
        changes = [f"inserted_into_table:{n}" for n in sorted(set(numbered["table_id"]))]
        ledger.connection.execute(
            f"INSERT INTO {CATALOGUE}.ducklake_snapshot SELECT {at[0] + 1}, now(), schema_version, "
            f"next_catalog_id, next_file_id + {len(files)} FROM {CATALOGUE}.ducklake_snapshot "
            f"WHERE snapshot_id = {at[0]}"
        )
        ledger.connection.execute(
            f"INSERT INTO {CATALOGUE}.ducklake_snapshot_changes VALUES (?, ?, ?, ?, NULL)",
            [at[0] + 1, ",".join([*changes, f"deleted_from_table:{gone}"]), *said],
        )


def _must_fit(
    ledger: Queries, files: Sequence[NewFile], tables: dict[str, tuple[int, int | None]]
) -> None:
    paths = [each.path for each in files]
    if len(set(paths)) != len(paths) or _known(ledger, paths):
        raise LedgerError("a data file is in the ledger already: nothing was committed")
    other = [each.table for each in files if each.file["partition_id"] != tables[each.table][1]]
    if other:
        raise LedgerError(
            f"files of {other[0]} were written by another partition than the table has now: nothing was "
            "committed; run again"
        )


def _known(ledger: Queries, paths: Sequence[str]) -> int:
    with registered(ledger.connection, "_paths", pl.DataFrame({"path": paths})):
        (known,) = ledger.rows(
            f"SELECT count(*) FROM {CATALOGUE}.ducklake_data_file WHERE path IN (SELECT path FROM _paths)"
        )[0]
    return int(known)


def _numbered(
    ledger: Queries,
    files: Sequence[NewFile],
    tables: dict[str, tuple[int, int | None]],
    snapshot: int,
) -> pl.DataFrame:
    """Rows of `ducklake_data_file`: numbers of files go on, and of each table's rows."""
    (first,) = ledger.rows(
        f"SELECT next_file_id FROM {CATALOGUE}.ducklake_snapshot WHERE snapshot_id = {snapshot - 1}"
    )[0]
    rows = pl.DataFrame(
        [
            each.file | {"path": each.path, "table_id": tables[each.table][0]}
            for each in files
        ],
        infer_schema_length=None,
    ).with_columns(
        data_file_id=pl.int_range(first, first + len(files), dtype=pl.Int64),
        begin_snapshot=pl.lit(snapshot, dtype=pl.Int64),
    )  # fmt: skip
    begun = ledger.frame(f"SELECT table_id, next_row_id FROM {CATALOGUE}.ducklake_table_stats")
    before = pl.col("record_count").cum_sum().over("table_id") - pl.col("record_count")
    return (
        rows.join(begun, on="table_id", how="left", maintain_order="left")
        .with_columns(row_id_start=pl.col("next_row_id").fill_null(0) + before)
        .drop("next_row_id")
    )


def _statistics(files: Sequence[NewFile], numbered: pl.DataFrame) -> pl.DataFrame:
    """Rows of `ducklake_file_column_stats`."""
    keys = numbered.select("data_file_id", "table_id").rows()
    rows = [
        {"data_file_id": file_id, "table_id": table_id} | column
        for (file_id, table_id), each in zip(keys, files, strict=True)
        for column in each.columns
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _put(ledger: Queries, table: str, rows: pl.DataFrame) -> None:
    insert(ledger.connection, table, rows, CATALOGUE)


_LEAST = """
    CASE WHEN any_value(type) SIMILAR TO 'u?int[0-9]+' THEN {how}(TRY_CAST({value} AS HUGEINT))::VARCHAR
         WHEN any_value(type) IN ('float32', 'float64') THEN {how}(TRY_CAST({value} AS DOUBLE))::VARCHAR
         ELSE {how}({value}) END
"""
_MERGED = f"""
    SELECT table_id, column_id, bool_or(has_null) AS contains_null, NULL AS contains_nan,
           CASE WHEN bool_and(known) THEN {_LEAST.format(how="min", value="low")} END AS min_value,
           CASE WHEN bool_and(known) THEN {_LEAST.format(how="max", value="high")} END AS max_value,
           NULL AS extra_stats
    FROM (
        SELECT s.table_id, s.column_id, s.min_value AS low, s.max_value AS high, s.null_count > 0 AS has_null,
               s.min_value IS NOT NULL OR s.value_count = 0 AS known
        FROM _new s
        UNION ALL
        SELECT c.table_id, c.column_id, c.min_value, c.max_value, coalesce(c.contains_null::BOOLEAN, true),
               c.min_value IS NOT NULL OR t.record_count = 0
        FROM {CATALOGUE}.ducklake_table_column_stats c JOIN {CATALOGUE}.ducklake_table_stats t USING (table_id)
        WHERE c.table_id IN (SELECT table_id FROM _new)
    ) JOIN (SELECT table_id, column_id, column_type AS type FROM {CATALOGUE}.ducklake_column
            WHERE end_snapshot IS NULL) USING (table_id, column_id)
    GROUP BY table_id, column_id
"""
"""Least and greatest value of each column of a table, by its type. Where rows may have one that no one knows,
none is told: a reader then looks at each file's."""


def _count(ledger: Queries, files: pl.DataFrame, columns: pl.DataFrame) -> None:
    """Bring what the catalogue counts of each table up to date."""
    added = files.group_by("table_id").agg(
        record_count=pl.col("record_count").sum(),
        next_row_id=pl.col("record_count").sum(),
        file_size_bytes=pl.col("file_size_bytes").sum(),
    )
    names = ["record_count", "next_row_id", "file_size_bytes"]
    stood = ledger.frame(f"SELECT * FROM {CATALOGUE}.ducklake_table_stats")
    stood = stood.select("table_id", *names).join(added, on="table_id", how="semi")
    total = pl.concat([stood, added.select(stood.columns)], how="vertical_relaxed")
    total = total.group_by("table_id").agg(pl.col(names).sum())
    with registered(ledger.connection, "_new", columns):
        merged = ledger.frame(_MERGED)
    ids = ", ".join(map(str, sorted(added["table_id"])))
    for table, rows in (("table_stats", total), ("table_column_stats", merged)):
        ledger.connection.execute(
            f"DELETE FROM {CATALOGUE}.ducklake_{table} WHERE table_id IN ({ids})"
        )
        _put(ledger, f"ducklake_{table}", rows)
