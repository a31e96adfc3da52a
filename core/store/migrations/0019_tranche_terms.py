"""Tranches that each have a term of their own: their length, and where the level instalment changes."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have

TABLES = ("loans", "changed_terms")


def up(connection: Connection) -> None:
    """Add the columns."""
    for table in TABLES:
        add(connection, table, "level_changes VARCHAR")
        add(connection, table, "tranche_instalments SMALLINT")


def check(connection: Connection) -> None:
    """The columns are there."""
    for table in TABLES:
        must_have(connection, table, "level_changes")
        must_have(connection, table, "tranche_instalments")
