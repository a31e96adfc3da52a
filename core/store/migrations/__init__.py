"""The ledger's schema, one file a migration: `NNNN_name.py` with `up(connection)`, `check(connection)`.

A file's SQL is frozen text: it names no class and no list of today's, so a change elsewhere can't
change what it did. One that was released is edited only so that it brings more ledgers up to date,
never so that it does something else; a new column is a new file.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import duckdb

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import LAKE, count_empty_tables, transaction
from loanbook.core.store.migrations.tools import columns_of

NAMES = tuple(sorted(p.stem for p in Path(__file__).parent.glob("[0-9]*_*.py")))
"""Modules of the migrations, in order; the first has number 1."""
NEWEST = len(NAMES)
"""Number of the schema that this loanbook reads and writes."""


def migrate(connection: duckdb.DuckDBPyConnection) -> int:
    """Bring the lake to the newest schema; returns its number. Safe to repeat.

    Each migration and its check are one transaction; a new ledger is made by all of them in one.
    Raises LedgerError, and keeps the schema as it is, where a check finds something amiss or a newer
    loanbook wrote the ledger.
    """
    connection.execute(f"CREATE TABLE IF NOT EXISTS {LAKE}.schema_version (number INTEGER)")
    done = schema_of(connection)
    if done > NEWEST:
        raise LedgerError(
            f"the ledger has schema {done}, this loanbook knows schemas up to {NEWEST}: it was "
            "written by a newer loanbook; update this one"
        )
    waiting = list(enumerate(NAMES[done:], start=done + 1))
    for together in [[each] for each in waiting] if done else [waiting]:
        with transaction(connection):
            for number, name in together:
                migration = import_module(f"{__name__}.{name}")
                migration.up(connection)
                migration.check(connection)
                connection.execute(f"INSERT INTO {LAKE}.schema_version VALUES ({number})")
            _view(connection)
    if waiting:
        count_empty_tables(connection)
    return NEWEST


def _view(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the view of positions anew, once their tables are there."""
    # a reader imports this module, and should not pay for the engine's schemas
    from loanbook.core.store.grouped.tables import CORE
    from loanbook.core.store.grouped.view import BEFORE, make_positions

    if columns_of(connection, CORE):
        make_positions(connection, columns_of(connection, BEFORE))


def schema_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of the last migration that the lake has seen; 0: none."""
    row = connection.execute(f"SELECT max(number) FROM {LAKE}.schema_version").fetchone()
    return (row[0] if row else None) or 0


def must_be_newest(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Raise LedgerError where a ledger that is only read has another schema: nothing may mend it."""
    found = schema_of(connection)
    if found == NEWEST:
        return
    remedy = (
        "run `loanbook migrate` once, it keeps every version"
        if found < NEWEST
        else "it was written by a newer loanbook; update this one"
    )
    raise LedgerError(
        f"the ledger in {home} has schema {found}, this loanbook needs {NEWEST}: {remedy}"
    )


def _must_be_numbered() -> None:
    """Refuse a gap or a number given twice: a ledger would then skip a migration."""
    numbers = [int(re.match(r"\d+", name).group()) for name in NAMES]  # type: ignore[union-attr]
    if numbers != list(range(1, NEWEST + 1)):
        raise LedgerError(f"migrations must be numbered from 1 without a gap, found {numbers}")


_must_be_numbered()
