"""What migrations are written with: SQL to run, columns to add, and what must hold after."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import LAKE

Connection = duckdb.DuckDBPyConnection


def run(connection: Connection, statements: str) -> None:
    """Run statements set apart by `;`; `{lake}` stands for the attached lake."""
    for statement in statements.replace("{lake}", LAKE).split(";"):
        if statement.strip():
            connection.execute(statement)


def columns_of(connection: Connection, table: str) -> set[str]:
    """Names of a table's columns; none: there is no such table."""
    rows = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND table_name = ?",
        [LAKE, table],
    ).fetchall()
    return {name for (name,) in rows}


def add(connection: Connection, table: str, columns: str) -> None:
    """Add those of `columns` ("name TYPE DEFAULT 'literal', …") that the table lacks.

    Rows that are there get the default; the lake takes literals alone, so booleans are quoted.
    """
    known = columns_of(connection, table)
    for column in columns.split(","):
        if column.split()[0] not in known:
            connection.execute(f"ALTER TABLE {LAKE}.{table} ADD COLUMN {column.strip()}")


def rename(connection: Connection, table: str, names: dict[str, str]) -> None:
    """Give columns their new names, old ones first in `names`."""
    for old, new in names.items():
        connection.execute(f"ALTER TABLE {LAKE}.{table} RENAME COLUMN {old} TO {new}")


def must_have_tables(connection: Connection, tables: str) -> None:
    """Raise LedgerError unless each of `tables` (names set apart by blanks) is there."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [LAKE]
    ).fetchall()
    _must_all_be_there("the ledger", "tables", set(tables.split()) - {name for (name,) in rows})


def must_have(connection: Connection, table: str, columns: str) -> None:
    """Raise LedgerError unless the table has each of `columns` (names set apart by blanks)."""
    _must_all_be_there(table, "columns", set(columns.split()) - columns_of(connection, table))


def must_lack(connection: Connection, table: str, columns: Iterable[str]) -> None:
    """Raise LedgerError if the table still has one of `columns`."""
    left = set(columns) & columns_of(connection, table)
    if left:
        raise LedgerError(f"{table} still has columns {', '.join(sorted(left))}; {KEPT}")


def must_have_rows(connection: Connection, table: str, count: int) -> None:
    """Raise LedgerError unless the table has so many rows."""
    row = connection.execute(f"SELECT count(*) FROM {LAKE}.{table}").fetchone()
    if row is None or row[0] != count:
        raise LedgerError(f"{table} has {row and row[0]} rows, {count} are expected; {KEPT}")


def must_find_none(connection: Connection, table: str, where: str) -> None:
    """Raise LedgerError if the table has a row for which `where` is true."""
    row = connection.execute(f"SELECT count(*) FROM {LAKE}.{table} WHERE {where}").fetchone()
    if row is None or row[0]:
        raise LedgerError(f"{row and row[0]} rows of {table} still have {where}; {KEPT}")


KEPT = "the ledger is as it was before this migration, please report it with the ledger's schema"


def _must_all_be_there(what: str, kind: str, lacking: set[str]) -> None:
    if lacking:
        raise LedgerError(f"{what} lacks {kind} {', '.join(sorted(lacking))}; {KEPT}")
