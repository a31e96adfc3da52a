"""Reminders and what became of each: added, never edited; a row that moves keeps two senders apart."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.reminders (reminder_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, step VARCHAR, day DATE,
            due_date DATE, amount BIGINT, state VARCHAR, channel VARCHAR, template VARCHAR, person VARCHAR, reason VARCHAR,
            allowed_at TIMESTAMP, decided_at TIMESTAMP, zone VARCHAR, actor VARCHAR, known_on DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.reminder_claims (claims BIGINT);
        INSERT INTO {lake}.reminder_claims VALUES (0)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "reminders reminder_claims")
