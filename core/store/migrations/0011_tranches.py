"""Tranches of a schedule held as rows: their balance by nights."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "positions", "period_lacks BIGINT DEFAULT 0")


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "positions", "period_lacks")
