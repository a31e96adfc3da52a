"""Borrower flags, and interest that is no income until it comes."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "loans", "flags SMALLINT")
    add(connection, "changed_terms", "flags SMALLINT")
    add(connection, "positions", "non_accrual BOOLEAN DEFAULT 'false', current_since DATE")


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "loans", "flags")
    must_have(connection, "changed_terms", "flags")
    must_have(connection, "positions", "non_accrual current_since")
