"""The tables of the ledger, with one row each in the two that writers take turns on."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_rows, must_have_tables, run

TABLES = """
    ledger_head intake_head versions publications checks positions dues transfers allocations
    account_balances loans schedules events loan_keys loan_attributes reported files
    quarantine policies products entities
"""


def up(connection: Connection) -> None:
    """Make every table."""
    run(connection, CREATE)


def check(connection: Connection) -> None:
    """All tables are there, and the two heads have their row."""
    must_have_tables(connection, TABLES)
    must_have_rows(connection, "ledger_head", 1)
    must_have_rows(connection, "intake_head", 1)


CREATE = """
    CREATE TABLE {lake}.ledger_head (next_version BIGINT, published_version BIGINT,
    published_date DATE, working_version BIGINT, working_date DATE);
    CREATE TABLE {lake}.intake_head (next_loan_id BIGINT, next_event_id BIGINT);
    CREATE TABLE {lake}.versions (version BIGINT, parent BIGINT, business_date DATE, run_id
    VARCHAR, event_high_water BIGINT, policy_hash VARCHAR, code_hash VARCHAR, positions BIGINT,
    dues BIGINT, transfers BIGINT, allocations BIGINT, control_totals VARCHAR, actor VARCHAR,
    committed_at TIMESTAMP);
    CREATE TABLE {lake}.publications (version BIGINT, state VARCHAR, reason VARCHAR, actor
    VARCHAR, settled_at TIMESTAMP);
    CREATE TABLE {lake}.checks (version BIGINT, business_date DATE, suite VARCHAR, name VARCHAR,
    passed BOOLEAN, broken BIGINT, figures VARCHAR, seconds DOUBLE);
    CREATE TABLE {lake}.positions (version BIGINT, business_date DATE, loan_id BIGINT, status
    TINYINT, principal BIGINT, interest_accrued BIGINT, principal_due BIGINT, interest_due
    BIGINT, fees_due BIGINT, penalties_due BIGINT, taxes_due BIGINT, credit BIGINT,
    accrued_today BIGINT, paid_today BIGINT, instalment_no SMALLINT, period_start DATE,
    period_end DATE, next_due_date DATE, period_interest BIGINT, schedule_balance BIGINT,
    interest_carried BIGINT, accrual_from DATE, accrual_whole BIGINT, accrual_rest BIGINT,
    accrual_paid BIGINT, advance_paid BIGINT, oldest_due_date DATE, days_past_due INTEGER,
    bucket TINYINT, off_books BIGINT, interest_earned BIGINT, principal_paid BIGINT,
    interest_paid BIGINT, charges_paid BIGINT, income_deferred BIGINT, deferred_whole BIGINT,
    deferred_from DATE, deferred_until DATE, deferred_to BIGINT, deferred_yield BIGINT,
    deferred_rate BIGINT, interest_taxed BIGINT, credit_since DATE, charged_off_on DATE,
    non_accrual BOOLEAN, current_since DATE, penal_base BIGINT, penal_from DATE, in_grace
    BOOLEAN, statement_left BIGINT, period_lacks BIGINT, advances BIGINT, advances_whole BIGINT,
    advances_rest BIGINT);
    CREATE TABLE {lake}.dues (version BIGINT, business_date DATE, loan_id BIGINT, instalment_no
    SMALLINT, component TINYINT, due_date DATE, amount BIGINT, paid BIGINT, fee_assessed
    BOOLEAN);
    CREATE TABLE {lake}.transfers (version BIGINT, loan_id BIGINT, event_id BIGINT, entity
    SMALLINT, product SMALLINT, currency TINYINT, debit SMALLINT, credit SMALLINT, amount
    BIGINT, value_date DATE, booking_date DATE);
    CREATE TABLE {lake}.allocations (version BIGINT, business_date DATE, loan_id BIGINT,
    event_id BIGINT, instalment_no SMALLINT, component TINYINT, timing TINYINT, amount BIGINT);
    CREATE TABLE {lake}.account_balances (version BIGINT, business_date DATE, entity SMALLINT,
    product SMALLINT, currency TINYINT, account SMALLINT, balance BIGINT);
    CREATE TABLE {lake}.loans (version BIGINT, loan_id BIGINT, product SMALLINT, entity
    SMALLINT, currency TINYINT, principal_agreed BIGINT, balloon BIGINT, rate_ppb BIGINT,
    instalments SMALLINT, every SMALLINT, unit TINYINT, disbursed_on DATE, first_due_date DATE,
    anchor_day TINYINT, second_anchor_day TINYINT, end_of_month BOOLEAN, emi BIGINT,
    first_interest_adjustment BIGINT, rate_until DATE, rate_before BIGINT, paused_from DATE,
    paused_until DATE, matures_on DATE, accelerated_on DATE, moratorium_left SMALLINT,
    moratorium_interest TINYINT, spread_ppb BIGINT, first_reset_on DATE, flags SMALLINT,
    taken_over_on DATE, principal_left BIGINT, rate_agreed BIGINT, jurisdiction BIGINT,
    stands_from DATE, reaged_no SMALLINT, boarded_on DATE, closed_on DATE, close_reason VARCHAR,
    principal_paid BIGINT, interest_paid BIGINT, charges_paid BIGINT);
    CREATE TABLE {lake}.schedules (version BIGINT, loan_id BIGINT, schedule_version INTEGER,
    valid_from DATE, reason VARCHAR, schedule_digest UBIGINT);
    CREATE TABLE {lake}.events (event_id BIGINT, kind TINYINT, loan_id BIGINT, value_date DATE,
    booking_date DATE, amount BIGINT, currency TINYINT, source_system VARCHAR, source_ref
    VARCHAR, idempotency_key VARCHAR, body_hash VARCHAR, state TINYINT, file_id VARCHAR, line
    BIGINT, actor VARCHAR, checker VARCHAR, reason VARCHAR, correlation_id VARCHAR, payload
    VARCHAR, recorded_at TIMESTAMP);
    CREATE TABLE {lake}.loan_keys (loan_id BIGINT, loan_key VARCHAR, entity SMALLINT, product
    SMALLINT, currency TINYINT, boards_on DATE, file_id VARCHAR, line BIGINT);
    CREATE TABLE {lake}.loan_attributes (loan_id BIGINT, name VARCHAR, value VARCHAR);
    CREATE TABLE {lake}.reported (loan_id BIGINT, as_of DATE, status VARCHAR, balance BIGINT,
    paid_total BIGINT, paid_principal BIGINT, paid_interest BIGINT, paid_late_fees BIGINT);
    CREATE TABLE {lake}.files (file_id VARCHAR, name VARCHAR, kind VARCHAR, business_date DATE,
    bytes BIGINT, state VARCHAR, reason VARCHAR, rows_in BIGINT, accepted BIGINT, quarantined
    BIGINT, duplicates BIGINT, correlation_id VARCHAR, recorded_at TIMESTAMP);
    CREATE TABLE {lake}.quarantine (file_id VARCHAR, name VARCHAR, line BIGINT, kind VARCHAR,
    rule VARCHAR, found VARCHAR, recorded_at TIMESTAMP);
    CREATE TABLE {lake}.policies (policy_hash VARCHAR, body VARCHAR, recorded_at TIMESTAMP);
    CREATE TABLE {lake}.products (code SMALLINT, name VARCHAR);
    CREATE TABLE {lake}.entities (code SMALLINT, name VARCHAR);
    INSERT INTO {lake}.ledger_head VALUES (1, 0, NULL, NULL, NULL);
    INSERT INTO {lake}.intake_head VALUES (1, 1)
"""
