"""Pauses of interest that come after the one that runs."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have

TABLES = ("loans", "changed_terms")


def up(connection: Connection) -> None:
    """Add the column."""
    for table in TABLES:
        add(connection, table, "pauses_to_come VARCHAR")


def check(connection: Connection) -> None:
    """The column is there."""
    for table in TABLES:
        must_have(connection, table, "pauses_to_come")
