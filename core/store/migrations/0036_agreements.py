"""Offers and what became of them, documents by the hash of their content, signatures, checks of parties, payouts asked for."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.offers (offer_id VARCHAR, application_id VARCHAR, decision_id VARCHAR,
            loan_key VARCHAR, product VARCHAR, entity VARCHAR, currency VARCHAR, jurisdiction VARCHAR,
            disclosure VARCHAR, fields VARCHAR, parties VARCHAR, amount BIGINT, made_on DATE, expires_on DATE,
            cooling_off_days INTEGER, body_hash VARCHAR, maker VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.offer_steps (offer_id VARCHAR, step VARCHAR, on_date DATE, actor VARCHAR,
            detail VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.documents (sha256 VARCHAR, kind VARCHAR, number INTEGER, offer_id VARCHAR,
            application_id VARCHAR, loan_key VARCHAR, template VARCHAR, template_hash VARCHAR,
            fields VARCHAR, fields_hash VARCHAR, bytes BIGINT, made_on DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.signatures (sha256 VARCHAR, signed_sha256 VARCHAR, offer_id VARCHAR, signer VARCHAR,
            mask VARCHAR, provider VARCHAR, reference VARCHAR, code INTEGER, latency_ms BIGINT,
            signed_at TIMESTAMP, certificate VARCHAR, certificate_sha256 VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.party_checks (check_id VARCHAR, offer_id VARCHAR, what VARCHAR, passed BOOLEAN,
            account VARCHAR, score INTEGER, needed INTEGER, scorer VARCHAR, provider VARCHAR,
            reference VARCHAR, evidence VARCHAR, actor VARCHAR, on_date DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.disbursements (key VARCHAR, body_hash VARCHAR, offer_id VARCHAR, loan_key VARCHAR,
            order_id VARCHAR, account VARCHAR, originator VARCHAR, amount BIGINT, currency VARCHAR,
            value_date DATE, maker VARCHAR, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(
        connection, "offers offer_steps documents signatures party_checks disbursements"
    )
    must_have(connection, "documents", "sha256 kind number offer_id template_hash fields")
    must_have(connection, "disbursements", "key body_hash order_id account amount")
