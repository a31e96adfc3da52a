"""Loans that go with another when a book is closed in parts: those of one borrower stay together."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, run


def up(connection: Connection) -> None:
    """Add the table."""
    run(
        connection,
        "CREATE TABLE {lake}.loan_groups (plan BIGINT, loan_id BIGINT, leader BIGINT)",
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have(connection, "loan_groups", "plan loan_id leader")
