"""Fees that are income later: what is left, evenly from a date to a date."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(
        connection,
        "positions",
        "income_deferred BIGINT DEFAULT 0, deferred_whole BIGINT DEFAULT 0, deferred_from "
        "DATE, deferred_until DATE ",
    )


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(
        connection, "positions", "income_deferred deferred_whole deferred_from deferred_until"
    )
