"""Decisions of persons on referred applications, and the underwriting policies that they were made by: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.person_decisions (decision_id VARCHAR, application_id VARCHAR, rests_on VARCHAR,
            verdict VARCHAR, outcome VARCHAR, product VARCHAR, currency VARCHAR, amount BIGINT, term BIGINT,
            rate_ppb BIGINT, grade VARCHAR, instalment BIGINT, reasons VARCHAR, information VARCHAR, past VARCHAR,
            against VARCHAR, reason VARCHAR, note VARCHAR, policy_hash VARCHAR, underwriting_hash VARCHAR,
            maker VARCHAR, checkers VARCHAR, order_id VARCHAR, decided_on DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.underwriting_policies (policy_hash VARCHAR, policy VARCHAR, version INTEGER,
            body VARCHAR, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "person_decisions underwriting_policies")
    must_have(connection, "person_decisions", "decision_id application_id rests_on verdict outcome")
