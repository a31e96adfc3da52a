"""Tables of the ledger and their numbered migrations. Columns are only ever added, nullable."""

from __future__ import annotations

import duckdb
import polars as pl

from loanbook.core.store.lake import LAKE, transaction

_TYPES: dict[type[pl.DataType] | pl.DataType, str] = {
    pl.Int8: "TINYINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.UInt64: "UBIGINT",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.String: "VARCHAR",
    pl.Datetime: "TIMESTAMP",
}


def columns(schema: pl.Schema) -> str:
    """SQL column list of a frame's schema."""
    return ", ".join(f"{name} {_TYPES[type_.base_type()]}" for name, type_ in schema.items())


_FIRST = [
    # one row each, updated in the transactions that must exclude one another
    "CREATE TABLE {lake}.ledger_head (next_version BIGINT, published_version BIGINT, "
    "published_date DATE, working_version BIGINT, working_date DATE)",
    "CREATE TABLE {lake}.intake_head (next_loan_id BIGINT, next_event_id BIGINT)",
    "CREATE TABLE {lake}.versions (version BIGINT, parent BIGINT, business_date DATE, "
    "run_id VARCHAR, event_high_water BIGINT, policy_hash VARCHAR, code_hash VARCHAR, "
    "positions BIGINT, dues BIGINT, transfers BIGINT, allocations BIGINT, "
    "control_totals VARCHAR, actor VARCHAR, committed_at TIMESTAMP)",
    "CREATE TABLE {lake}.publications (version BIGINT, state VARCHAR, reason VARCHAR, "
    "actor VARCHAR, settled_at TIMESTAMP)",
    "CREATE TABLE {lake}.checks (version BIGINT, business_date DATE, suite VARCHAR, "
    "name VARCHAR, passed BOOLEAN, broken BIGINT, figures VARCHAR, seconds DOUBLE)",
    "CREATE TABLE {lake}.positions ("
    "version BIGINT, business_date DATE, loan_id BIGINT, status TINYINT, principal BIGINT, "
    "interest_accrued BIGINT, principal_due BIGINT, interest_due BIGINT, fees_due BIGINT, "
    "penalties_due BIGINT, taxes_due BIGINT, credit BIGINT, accrued_today BIGINT, "
    "paid_today BIGINT, instalment_no SMALLINT, period_start DATE, period_end DATE, "
    "next_due_date DATE, period_interest BIGINT, schedule_balance BIGINT, "
    "interest_carried BIGINT, accrual_from DATE, accrual_whole BIGINT, accrual_rest BIGINT, "
    "accrual_paid BIGINT, advance_paid BIGINT, oldest_due_date DATE, days_past_due INTEGER, "
    "bucket TINYINT, off_books BIGINT, interest_earned BIGINT, principal_paid BIGINT, "
    "interest_paid BIGINT, charges_paid BIGINT, income_deferred BIGINT, "
    "deferred_whole BIGINT, deferred_from DATE, deferred_until DATE, deferred_to BIGINT, "
    "deferred_yield BIGINT, deferred_rate BIGINT, interest_taxed BIGINT, credit_since DATE, "
    "charged_off_on DATE, non_accrual BOOLEAN, current_since DATE, penal_base BIGINT, "
    "penal_from DATE, in_grace BOOLEAN, statement_left BIGINT, period_lacks BIGINT, "
    "advances BIGINT, advances_whole BIGINT, advances_rest BIGINT"
    ")",
    "CREATE TABLE {lake}.dues ("
    "version BIGINT, business_date DATE, loan_id BIGINT, instalment_no SMALLINT, "
    "component TINYINT, due_date DATE, amount BIGINT, paid BIGINT, fee_assessed BOOLEAN"
    ")",
    "CREATE TABLE {lake}.transfers ("
    "version BIGINT, loan_id BIGINT, event_id BIGINT, entity SMALLINT, product SMALLINT, "
    "currency TINYINT, debit SMALLINT, credit SMALLINT, amount BIGINT, value_date DATE, "
    "booking_date DATE"
    ")",
    "CREATE TABLE {lake}.allocations ("
    "version BIGINT, business_date DATE, loan_id BIGINT, event_id BIGINT, "
    "instalment_no SMALLINT, component TINYINT, timing TINYINT, amount BIGINT"
    ")",
    "CREATE TABLE {lake}.account_balances ("
    "version BIGINT, business_date DATE, entity SMALLINT, product SMALLINT, "
    "currency TINYINT, account SMALLINT, balance BIGINT"
    ")",
    "CREATE TABLE {lake}.loans ("
    "version BIGINT, loan_id BIGINT, product SMALLINT, entity SMALLINT, currency TINYINT, "
    "principal_agreed BIGINT, balloon BIGINT, rate_ppb BIGINT, instalments SMALLINT, "
    "every SMALLINT, unit TINYINT, disbursed_on DATE, first_due_date DATE, "
    "anchor_day TINYINT, second_anchor_day TINYINT, end_of_month BOOLEAN, emi BIGINT, "
    "first_interest_adjustment BIGINT, rate_until DATE, rate_before BIGINT, "
    "paused_from DATE, paused_until DATE, matures_on DATE, accelerated_on DATE, "
    "moratorium_left SMALLINT, moratorium_interest TINYINT, spread_ppb BIGINT, "
    "first_reset_on DATE, flags SMALLINT, taken_over_on DATE, principal_left BIGINT, "
    "rate_agreed BIGINT, jurisdiction BIGINT, stands_from DATE, reaged_no SMALLINT, "
    "boarded_on DATE, closed_on DATE, close_reason VARCHAR, principal_paid BIGINT, "
    "interest_paid BIGINT, charges_paid BIGINT"
    ")",
    "CREATE TABLE {lake}.schedules (version BIGINT, loan_id BIGINT, schedule_version INTEGER, "
    "valid_from DATE, reason VARCHAR, schedule_digest UBIGINT)",
    "CREATE TABLE {lake}.events ("
    "event_id BIGINT, kind TINYINT, loan_id BIGINT, value_date DATE, booking_date DATE, "
    "amount BIGINT, currency TINYINT, source_system VARCHAR, source_ref VARCHAR, "
    "idempotency_key VARCHAR, body_hash VARCHAR, state TINYINT, file_id VARCHAR, "
    "line BIGINT, actor VARCHAR, checker VARCHAR, reason VARCHAR, correlation_id VARCHAR, "
    "payload VARCHAR, recorded_at TIMESTAMP"
    ")",
    "CREATE TABLE {lake}.loan_keys (loan_id BIGINT, loan_key VARCHAR, entity SMALLINT, "
    "product SMALLINT, currency TINYINT, boards_on DATE, file_id VARCHAR, line BIGINT)",
    "CREATE TABLE {lake}.loan_attributes (loan_id BIGINT, name VARCHAR, value VARCHAR)",
    "CREATE TABLE {lake}.reported (loan_id BIGINT, as_of DATE, status VARCHAR, balance BIGINT, "
    "paid_total BIGINT, paid_principal BIGINT, paid_interest BIGINT, paid_late_fees BIGINT)",
    "CREATE TABLE {lake}.files (file_id VARCHAR, name VARCHAR, kind VARCHAR, business_date DATE, "
    "bytes BIGINT, state VARCHAR, reason VARCHAR, rows_in BIGINT, accepted BIGINT, "
    "quarantined BIGINT, duplicates BIGINT, correlation_id VARCHAR, recorded_at TIMESTAMP)",
    "CREATE TABLE {lake}.quarantine (file_id VARCHAR, name VARCHAR, line BIGINT, kind VARCHAR, "
    "rule VARCHAR, found VARCHAR, recorded_at TIMESTAMP)",
    "CREATE TABLE {lake}.policies (policy_hash VARCHAR, body VARCHAR, recorded_at TIMESTAMP)",
    "CREATE TABLE {lake}.products (code SMALLINT, name VARCHAR)",
    "CREATE TABLE {lake}.entities (code SMALLINT, name VARCHAR)",
    "INSERT INTO {lake}.ledger_head VALUES (1, 0, NULL, NULL, NULL)",
    "INSERT INTO {lake}.intake_head VALUES (1, 1)",
]

_LATE_NEWS = [
    # a restatement gives these loans' rows of the dates anew, also where it has none
    "ALTER TABLE {lake}.schedules ADD COLUMN event_id BIGINT",
    "CREATE TABLE {lake}.restated_loans (version BIGINT, loan_id BIGINT, from_date DATE, "
    "through_date DATE)",
    "ALTER TABLE {lake}.loans ADD COLUMN interest_earned BIGINT",
    "ALTER TABLE {lake}.loans ADD COLUMN IF NOT EXISTS rate_until DATE",
    "ALTER TABLE {lake}.loans ADD COLUMN IF NOT EXISTS rate_before BIGINT",
    # terms from a change of the contract on; with the boarded ones they are every version
    "CREATE TABLE {lake}.changed_terms ("
    "version BIGINT, business_date DATE, event_id BIGINT, loan_id BIGINT, product SMALLINT, "
    "entity SMALLINT, currency TINYINT, principal_agreed BIGINT, balloon BIGINT, "
    "rate_ppb BIGINT, instalments SMALLINT, every SMALLINT, unit TINYINT, "
    "disbursed_on DATE, first_due_date DATE, anchor_day TINYINT, second_anchor_day TINYINT, "
    "end_of_month BOOLEAN, emi BIGINT, first_interest_adjustment BIGINT, rate_until DATE, "
    "rate_before BIGINT, paused_from DATE, paused_until DATE, matures_on DATE, "
    "accelerated_on DATE, moratorium_left SMALLINT, moratorium_interest TINYINT, "
    "spread_ppb BIGINT, first_reset_on DATE, flags SMALLINT, taken_over_on DATE, "
    "principal_left BIGINT, rate_agreed BIGINT, jurisdiction BIGINT, stands_from DATE, "
    "reaged_no SMALLINT"
    ")",
]

_DATES_OF_CHANGES = [
    f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS {column} DATE"
    for table in ("loans", "changed_terms")
    for column in ("paused_from", "paused_until", "stands_from")
]

_RELIEF_AND_MATURITY = [
    f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS {column}"
    for table in ("loans", "changed_terms")
    for column in (
        "moratorium_left SMALLINT",
        "moratorium_interest TINYINT",
        "matures_on DATE",
        "accelerated_on DATE",
    )
]

_BOOKS = [
    *(
        f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS flags SMALLINT"
        for table in ("loans", "changed_terms")
    ),
    "ALTER TABLE {lake}.positions ADD COLUMN IF NOT EXISTS non_accrual BOOLEAN DEFAULT false",
    "ALTER TABLE {lake}.positions ADD COLUMN IF NOT EXISTS current_since DATE",
]
_FLOATING = [
    f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS {column}"
    for table in ("loans", "changed_terms")
    for column in ("spread_ppb BIGINT", "first_reset_on DATE")
]
_DEFERRED_INCOME = [
    f"ALTER TABLE {{lake}}.positions ADD COLUMN IF NOT EXISTS {column}"
    for column in (
        "income_deferred BIGINT DEFAULT 0",
        "deferred_whole BIGINT DEFAULT 0",
        "deferred_from DATE",
        "deferred_until DATE",
    )
]
_TAKEN_OVER = [
    f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS {column}"
    for table in ("loans", "changed_terms")
    for column in ("taken_over_on DATE", "principal_left BIGINT")
]
_MARTS = [
    "CREATE TABLE {lake}.portfolio_daily ("
    "version BIGINT, business_date DATE, entity SMALLINT, product SMALLINT, "
    "currency TINYINT, status TINYINT, days_past_due INTEGER, loans BIGINT, "
    "principal BIGINT, overdue BIGINT"
    ")",
]

_CHARGES_AND_LINES = [
    *(
        f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS {column}"
        for table in ("loans", "changed_terms")
        for column in ("rate_agreed BIGINT", "jurisdiction BIGINT")
    ),
    *(
        f"ALTER TABLE {{lake}}.positions ADD COLUMN IF NOT EXISTS {column}"
        for column in (
            "taxes_due BIGINT DEFAULT 0",
            "penal_base BIGINT DEFAULT 0",
            "penal_from DATE",
            "in_grace BOOLEAN DEFAULT true",
            "statement_left BIGINT DEFAULT 0",
        )
    ),
]

_TRANCHES = ["ALTER TABLE {lake}.positions ADD COLUMN IF NOT EXISTS period_lacks BIGINT DEFAULT 0"]

_YIELD_CHARGE_OFF_TAX_REAGE = [
    *(
        f"ALTER TABLE {{lake}}.{table} ADD COLUMN IF NOT EXISTS reaged_no SMALLINT"
        for table in ("loans", "changed_terms")
    ),
    *(
        f"ALTER TABLE {{lake}}.positions ADD COLUMN IF NOT EXISTS {column}"
        for column in (
            "deferred_to BIGINT DEFAULT 0",
            "deferred_yield BIGINT",
            "deferred_rate BIGINT",
            "credit_since DATE",
            "charged_off_on DATE",
            "interest_taxed BIGINT DEFAULT 0",
        )
    ),
]

_ADVANCES = [
    f"ALTER TABLE {{lake}}.positions ADD COLUMN IF NOT EXISTS {column} BIGINT DEFAULT 0"
    for column in ("advances", "advances_whole", "advances_rest")
]

_RENAMED = {
    "accrual_from": "segment_start",
    "accrual_whole": "accrued_units",
    "accrual_rest": "accrued_remainder",
    "accrual_paid": "accrued_prepaid",
    "advance_paid": "prepaid_dues",
    "statement_left": "statement_unpaid",
    "credit_since": "credit_unchanged_since",
    "current_since": "performing_since",
    "deferred_yield": "eir_ppb",
    "deferred_rate": "contract_yield_ppb",
    "period_lacks": "tranche_balance_days",
    "advances": "cash_advances",
    "advances_whole": "cash_advance_units",
    "advances_rest": "cash_advance_remainder",
}
_RENAMED_TERMS = {"stands_from": "schedule_fixed_on", "reaged_no": "reage_ended_instalment"}
_RENAMED_KINDS = {
    "extended": "term_extended",
    "settled": "settlement_reached",
    "accelerated": "contract_accelerated",
    "taken_over": "migrated_in",
    "income_capitalised": "fee_capitalised",
    "income_adjusted": "capitalised_fee_adjusted",
    "fee_bought_down": "rate_bought_down",
}
_NAMES_OF_THE_TRADE = [
    *(
        f"ALTER TABLE {{lake}}.positions RENAME COLUMN {old} TO {new}"
        for old, new in _RENAMED.items()
    ),
    *(
        f"ALTER TABLE {{lake}}.{table} RENAME COLUMN {old} TO {new}"
        for table in ("loans", "changed_terms")
        for old, new in _RENAMED_TERMS.items()
    ),
    # a kind's name stands in the keys of its events, and in those that name them
    *(
        f"UPDATE {{lake}}.events SET {column} = replace({column}, '/{old}/', '/{new}/') "
        f"WHERE {column} LIKE '%/{old}/%'"
        for column in ("idempotency_key", "payload")
        for old, new in _RENAMED_KINDS.items()
    ),
    # terms of boarded loans and balances of migrated ones travel by name
    *(
        f"UPDATE {{lake}}.events SET payload = replace(payload, '\"{old}\":', '\"{new}\":') "
        f"WHERE payload LIKE '%\"{old}\":%'"
        for old, new in (
            *_RENAMED_TERMS.items(),
            ("statement_left", "statement_unpaid"),
            ("advances", "cash_advances"),
        )
    ),  # fmt: skip
    *(
        f"UPDATE {{lake}}.schedules SET reason = '{new}' WHERE reason = '{old}'"
        for old, new in _RENAMED_KINDS.items()
    ),
]

MIGRATIONS: tuple[list[str], ...] = (_FIRST, _LATE_NEWS, _DATES_OF_CHANGES, _RELIEF_AND_MATURITY,
                                     _DEFERRED_INCOME, _BOOKS, _FLOATING,
                                     _TAKEN_OVER, _MARTS, _CHARGES_AND_LINES, _TRANCHES,
                                     _YIELD_CHARGE_OFF_TAX_REAGE, _ADVANCES, _NAMES_OF_THE_TRADE)  # fmt: skip
"""Statements by number, from 1. Append; never change one that was released."""


def migrate(connection: duckdb.DuckDBPyConnection) -> int:
    """Bring the lake to the newest schema; returns its number. Safe to repeat."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {LAKE}.schema_version (number INTEGER)")
    row = connection.execute(f"SELECT max(number) FROM {LAKE}.schema_version").fetchone()
    done = (row[0] if row else None) or 0
    for number, statements in enumerate(MIGRATIONS[done:], start=done + 1):
        with transaction(connection):
            for statement in statements:
                connection.execute(statement.format(lake=LAKE))
            connection.execute(f"INSERT INTO {LAKE}.schema_version VALUES ({number})")
    return len(MIGRATIONS)
