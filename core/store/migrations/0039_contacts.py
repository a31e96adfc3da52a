"""Contacts with borrowers, and what borrowers said of being contacted: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.contacts (contact_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, occurred_at TIMESTAMP,
            occurred_text VARCHAR, channel VARCHAR, direction VARCHAR, outcome VARCHAR, right_party BOOLEAN, agent VARCHAR,
            place VARCHAR, zone VARCHAR, known_on DATE, body_hash VARCHAR, line BIGINT, file_id VARCHAR,
            recorded_at TIMESTAMP);
        CREATE TABLE {lake}.contact_preferences (preference_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, stated_at TIMESTAMP,
            kind VARCHAR, channel VARCHAR, place VARCHAR, weekdays VARCHAR, starts BIGINT, ends BIGINT, written BOOLEAN,
            known_on DATE, body_hash VARCHAR, line BIGINT, file_id VARCHAR, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "contacts contact_preferences")
