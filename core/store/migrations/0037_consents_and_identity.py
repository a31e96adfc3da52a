"""Consents, given and withdrawn, and checks of identity: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.consents (consent_id VARCHAR, applicant VARCHAR, purpose VARCHAR, given BOOLEAN,
            text_hash VARCHAR, text_version VARCHAR, channel VARCHAR, given_at TIMESTAMP, known_on DATE,
            body_hash VARCHAR, line BIGINT, file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.identity_checks (check_id VARCHAR, applicant VARCHAR, provider VARCHAR, result VARCHAR,
            code VARCHAR, list_version VARCHAR, latency_ms BIGINT, checked_on DATE, known_on DATE,
            body_hash VARCHAR, line BIGINT, file_id VARCHAR, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "consents identity_checks")
