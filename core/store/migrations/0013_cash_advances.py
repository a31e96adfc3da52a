"""Cash advances of a line of credit, at a rate of their own."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(
        connection,
        "positions",
        "advances BIGINT DEFAULT 0, advances_whole BIGINT DEFAULT 0, advances_rest BIGINT "
        "DEFAULT 0 ",
    )


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "positions", "advances advances_whole advances_rest")
