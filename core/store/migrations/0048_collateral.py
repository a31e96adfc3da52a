"""Collateral of loans: what was given, and when it was given back. Added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the table."""
    run(
        connection,
        """
        CREATE TABLE {lake}.collateral_steps (loan_id BIGINT, loan_key VARCHAR, reference VARCHAR, kind VARCHAR, step VARCHAR,
            on_date DATE, actor VARCHAR, known_on DATE, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "collateral_steps")
