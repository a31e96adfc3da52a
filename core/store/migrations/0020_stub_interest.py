"""How the interest of an odd first period is asked, and what of it instalments ask beside their level.

A loan that was boarded before asks it within its level instalments.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have

TABLES = ("loans", "changed_terms")


def up(connection: Connection) -> None:
    """Add the columns."""
    for table in TABLES:
        add(
            connection, table,
            "stub_interest_agreed TINYINT, stub_amount BIGINT DEFAULT 0, stub_share BIGINT DEFAULT 0",
        )  # fmt: skip


def check(connection: Connection) -> None:
    """The columns are there."""
    for table in TABLES:
        must_have(connection, table, "stub_interest_agreed stub_amount stub_share")
