"""Positions are stored in groups: what every loan has apart from what few have.

Versions that are there stay where they are, in `positions_before`; `positions` becomes a view of all
(`loanbook.core.store.grouped.view`), made when the migrations are through.
"""

from __future__ import annotations

from loanbook.core.store.lake import LAKE
from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run

TABLES = "position_core position_arrears position_income position_line position_running"


def up(connection: Connection) -> None:
    """Make the tables; the old one is kept where it holds a version."""
    run(connection, CREATE)
    held = connection.execute(f"SELECT 1 FROM {LAKE}.positions LIMIT 1").fetchone()
    keep = "RENAME TO positions_before"
    run(
        connection,
        f"ALTER TABLE {{lake}}.positions {keep}" if held else "DROP TABLE {lake}.positions",
    )
    (loans,) = connection.execute(
        f"SELECT next_loan_id - 1 FROM {LAKE}.intake_head"
    ).fetchone() or (0,)
    # as migration 27 has it of the one table that they replace
    for table in TABLES.split() if loans <= 200_000 else ():
        run(
            connection,
            f"ALTER TABLE {{lake}}.{table} SET PARTITIONED BY (year(business_date), month(business_date))",
        )


def check(connection: Connection) -> None:
    """The tables are there, each with its key."""
    must_have_tables(connection, TABLES)
    for table in TABLES.split():
        must_have(connection, table, "version business_date loan_id")


CREATE = """
    CREATE TABLE {lake}.position_core (version BIGINT, business_date DATE, loan_id BIGINT,
    status TINYINT, principal BIGINT, interest_accrued BIGINT, accrued_today BIGINT,
    instalment_no SMALLINT, period_start DATE, period_end DATE, next_due_date DATE,
    period_interest BIGINT, schedule_balance BIGINT, interest_carried BIGINT, segment_start
    DATE, interest_earned BIGINT, principal_paid BIGINT, interest_paid BIGINT);
    CREATE TABLE {lake}.position_arrears (version BIGINT, business_date DATE, loan_id
    BIGINT, principal_due BIGINT, interest_due BIGINT, fees_due BIGINT, penalties_due
    BIGINT, taxes_due BIGINT, oldest_due_date DATE, days_past_due INTEGER, bucket TINYINT,
    off_books BIGINT, charged_off_on DATE, written_off_on DATE, recoverable BIGINT,
    non_accrual BOOLEAN, performing_since DATE, penal_base BIGINT, penal_from DATE);
    CREATE TABLE {lake}.position_income (version BIGINT, business_date DATE, loan_id BIGINT,
    charges_paid BIGINT, income_deferred BIGINT, deferred_whole BIGINT, deferred_from DATE,
    deferred_until DATE, deferred_to BIGINT, eir_ppb BIGINT, contract_yield_ppb BIGINT,
    interest_taxed BIGINT);
    CREATE TABLE {lake}.position_line (version BIGINT, business_date DATE, loan_id BIGINT,
    in_grace BOOLEAN, statement_unpaid BIGINT, cash_advances BIGINT, cash_advance_units
    BIGINT, cash_advance_remainder BIGINT);
    CREATE TABLE {lake}.position_running (version BIGINT, business_date DATE, loan_id
    BIGINT, credit BIGINT, paid_today BIGINT, accrued_units BIGINT, accrued_remainder
    BIGINT, accrued_prepaid BIGINT, prepaid_dues BIGINT, credit_unchanged_since DATE,
    tranche_balance_days BIGINT, down_payment_due BIGINT, on_time_balance BIGINT)
"""
