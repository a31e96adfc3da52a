"""What banks tell: files, statements and entries with what became of each, suspense with its candidates,
orders about it, and the movements of money at banks that a close books."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run

TABLES = (
    "bank_files bank_statements bank_entries suspense_candidates entry_decisions cash_movements"
)


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.bank_files (file_id VARCHAR, name VARCHAR, business_date DATE, format VARCHAR,
            version VARCHAR, message_id VARCHAR, created VARCHAR, entries BIGINT, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.bank_statements (file_id VARCHAR, business_date DATE, statement BIGINT,
            line BIGINT, account VARCHAR, reference VARCHAR, number VARCHAR, currency VARCHAR,
            interim BOOLEAN, opening BIGINT, closing BIGINT, opening_date DATE, closing_date DATE,
            entries BIGINT, credits BIGINT, debits BIGINT, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.bank_entries (entry_id VARCHAR, file_id VARCHAR, place BIGINT, line BIGINT,
            statement BIGINT, account VARCHAR, business_date DATE, booking_date DATE, format VARCHAR,
            direction VARCHAR, reversal BOOLEAN, amount BIGINT, currency VARCHAR, value_date DATE,
            booked_on DATE, status VARCHAR, code VARCHAR, reference VARCHAR, client_ref VARCHAR,
            end_to_end_id VARCHAR, mandate VARCHAR, fingerprint VARCHAR, payer VARCHAR,
            remittance VARCHAR, returns VARCHAR, original VARCHAR, outcome VARCHAR, rule VARCHAR,
            said VARCHAR, loan_id BIGINT, confidence SMALLINT, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.suspense_candidates (entry_id VARCHAR, rank SMALLINT, loan_id BIGINT,
            confidence SMALLINT, name_score SMALLINT, amount_score SMALLINT, date_score SMALLINT,
            rule VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.entry_decisions (entry_id VARCHAR, outcome VARCHAR, rule VARCHAR,
            loan_id BIGINT, maker VARCHAR, checker VARCHAR, reason VARCHAR, file_id VARCHAR, line BIGINT,
            booking_date DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.cash_movements (booking_date DATE, account VARCHAR, entity SMALLINT,
            product SMALLINT, currency TINYINT, debit SMALLINT, credit SMALLINT, amount BIGINT,
            why VARCHAR, entries BIGINT, file_id VARCHAR, recorded_at TIMESTAMP);
        ALTER TABLE {lake}.bank_entries SET PARTITIONED BY (year(business_date))
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, TABLES)
