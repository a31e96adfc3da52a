"""Applications, what is known of applicants and from when on, decisions with what they rest on, and events of cases."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run

TABLES = (
    "applications application_links applicant_facts originals decision_policies decision_inputs decisions "
    "case_events origination_head"
)


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.applications (application_id VARCHAR, partner VARCHAR, reference VARCHAR,
            product VARCHAR, channel VARCHAR, applicant_kind VARCHAR, applicant VARCHAR, amount BIGINT,
            currency VARCHAR, term BIGINT, purpose VARCHAR, income_year BIGINT, income_verified_year BIGINT,
            employment_years BIGINT, age_years BIGINT, borrowers BIGINT, guarantors BIGINT, housing VARCHAR,
            state VARCHAR, submitted_on DATE, business_date DATE, body_hash VARCHAR, line BIGINT,
            file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.application_links (application_id VARCHAR, kind VARCHAR, token VARCHAR,
            known_on DATE, file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.applicant_facts (applicant VARCHAR, source VARCHAR, record VARCHAR, field VARCHAR,
            number BIGINT, word VARCHAR, as_of DATE, known_on DATE, path VARCHAR, line BIGINT,
            file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.originals (record VARCHAR, kind VARCHAR, applicant VARCHAR, sha256 VARCHAR,
            body_hash VARCHAR, sealed BLOB, as_of DATE, known_on DATE, line BIGINT, file_id VARCHAR,
            recorded_at TIMESTAMP);
        CREATE TABLE {lake}.decision_policies (policy_hash VARCHAR, policy VARCHAR, version INTEGER, body VARCHAR,
            recorded_at TIMESTAMP);
        CREATE TABLE {lake}.decision_inputs (input_hash VARCHAR, inputs VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.decisions (decision_id VARCHAR, application_id VARCHAR, policy VARCHAR,
            policy_version INTEGER, role VARCHAR, policy_hash VARCHAR, input_hash VARCHAR, decided_at TIMESTAMP,
            outcome VARCHAR, product VARCHAR, currency VARCHAR, amount BIGINT, term BIGINT, rate_ppb BIGINT,
            grade VARCHAR, points BIGINT, instalment BIGINT, affordable BIGINT, reasons VARCHAR, missing VARCHAR,
            mistyped VARCHAR, hits BIGINT, unknowns BIGINT, points_by VARCHAR, decision_hash VARCHAR,
            recorded_at TIMESTAMP);
        CREATE TABLE {lake}.case_events (application_id VARCHAR, event VARCHAR, happened_at TIMESTAMP, actor VARCHAR,
            reason VARCHAR, reference VARCHAR, place BIGINT, file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.origination_head (appended BIGINT);
        INSERT INTO {lake}.origination_head VALUES (0)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, TABLES)
    must_have(connection, "decisions", "decision_id application_id policy_hash input_hash outcome")
    must_have(connection, "case_events", "application_id event happened_at place")
