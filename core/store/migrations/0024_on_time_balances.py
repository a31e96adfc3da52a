"""What would be left of a daily loan lent in parts, had each instalment been paid on its day.

Of a loan that was lent in parts before, it is counted from its next payout on.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the column."""
    add(connection, "positions", "on_time_balance BIGINT")


def check(connection: Connection) -> None:
    """The column is there."""
    must_have(connection, "positions", "on_time_balance")
