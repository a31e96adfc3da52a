"""Rates that follow an index: spread and first reset."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "loans", "spread_ppb BIGINT, first_reset_on DATE")
    add(connection, "changed_terms", "spread_ppb BIGINT, first_reset_on DATE")


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "loans", "spread_ppb first_reset_on")
    must_have(connection, "changed_terms", "spread_ppb first_reset_on")
