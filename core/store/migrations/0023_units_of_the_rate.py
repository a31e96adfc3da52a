"""The unit that a rate was agreed by, of loans whose dues a re-age counted anew.

A loan that was re-aged before bears what it bore: its rate is reckoned by the unit of its dues.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have

TABLES = ("loans", "changed_terms")


def up(connection: Connection) -> None:
    """Add the column."""
    for table in TABLES:
        add(connection, table, "rate_unit TINYINT")


def check(connection: Connection) -> None:
    """The column is there."""
    for table in TABLES:
        must_have(connection, table, "rate_unit")
