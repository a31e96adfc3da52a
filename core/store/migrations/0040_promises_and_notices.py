"""Promises to pay, and notices of borrowers: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.promises (promise_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, promised_at TIMESTAMP,
            promised_on DATE, due_date DATE, amount BIGINT, agent VARCHAR, known_on DATE, body_hash VARCHAR, line BIGINT,
            file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.notices (notice_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, stated_at TIMESTAMP, kind VARCHAR,
            written BOOLEAN, reason VARCHAR, agent VARCHAR, known_on DATE, body_hash VARCHAR, line BIGINT, file_id VARCHAR,
            recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "promises notices")
