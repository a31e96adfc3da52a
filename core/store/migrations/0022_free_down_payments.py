"""Down payments due and unpaid that bear no interest.

No product of a ledger that was written before has them bear none.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the column."""
    add(connection, "positions", "down_payment_due BIGINT DEFAULT 0")


def check(connection: Connection) -> None:
    """The column is there."""
    must_have(connection, "positions", "down_payment_due")
