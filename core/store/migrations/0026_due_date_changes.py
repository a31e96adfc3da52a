"""Due dates that are counted from another date from an instalment on."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have

TABLES = ("loans", "changed_terms")


def up(connection: Connection) -> None:
    """Add the column."""
    for table in TABLES:
        add(connection, table, "due_date_changes VARCHAR")


def check(connection: Connection) -> None:
    """The column is there."""
    for table in TABLES:
        must_have(connection, table, "due_date_changes")
