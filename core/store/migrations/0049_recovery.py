"""Legal steps, and loans placed with agencies: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.legal_steps (legal_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, stated_at TIMESTAMP, stage VARCHAR,
            next_on DATE, cost BIGINT, agent VARCHAR, known_on DATE, body_hash VARCHAR, line BIGINT, file_id VARCHAR,
            recorded_at TIMESTAMP);
        CREATE TABLE {lake}.placements (placement_id VARCHAR, loan_id BIGINT, loan_key VARCHAR, stated_at TIMESTAMP, stated_on DATE,
            step VARCHAR, agency VARCHAR, agent VARCHAR, known_on DATE, body_hash VARCHAR, line BIGINT, file_id VARCHAR,
            recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "legal_steps placements")
