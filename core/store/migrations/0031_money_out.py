"""Money that goes out: accounts, sealed; files for banks, their instructions, and what banks say of them."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        "CREATE TABLE {lake}.payment_accounts (token VARCHAR, sealed BLOB, file_id VARCHAR, recorded_at TIMESTAMP);"
        "CREATE TABLE {lake}.files_out (file_key VARCHAR, originator VARCHAR, originator_version INTEGER, "
        "rail VARCHAR, direction VARCHAR, business_date DATE, number INTEGER, name VARCHAR, sha256 VARCHAR, "
        "payments BIGINT, amount BIGINT, currency VARCHAR, file_id VARCHAR, recorded_at TIMESTAMP);"
        "CREATE TABLE {lake}.files_handed_over (file_key VARCHAR, handed_over_at TIMESTAMP);"
        "CREATE TABLE {lake}.instructions (key VARCHAR, file_key VARCHAR, purpose VARCHAR, direction VARCHAR, "
        "loan_id BIGINT, mandate VARCHAR, account VARCHAR, due_date DATE, attempt INTEGER, first_effective DATE, "
        "effective DATE, amount BIGINT, currency VARCHAR, entry_class VARCHAR, description VARCHAR, "
        "sequence VARCHAR, trace VARCHAR, end_to_end_id VARCHAR, signed DATE, remittance VARCHAR, "
        "payment_key VARCHAR, file_id VARCHAR, recorded_at TIMESTAMP);"
        "CREATE TABLE {lake}.payment_returns (return_key VARCHAR, rail VARCHAR, originator VARCHAR, code VARCHAR, "
        "kind VARCHAR, original VARCHAR, trace VARCHAR, instruction_key VARCHAR, loan_id BIGINT, mandate VARCHAR, "
        "amount BIGINT, currency VARCHAR, returned_on DATE, outcome VARCHAR, why VARCHAR, file_id VARCHAR, "
        "line BIGINT, recorded_at TIMESTAMP);"
        "CREATE TABLE {lake}.account_changes (change_key VARCHAR, rail VARCHAR, code VARCHAR, original VARCHAR, "
        "instruction_key VARCHAR, loan_id BIGINT, mandate VARCHAR, account VARCHAR, notified_on DATE, "
        "outcome VARCHAR, why VARCHAR, file_id VARCHAR, line BIGINT, recorded_at TIMESTAMP);"
        "CREATE TABLE {lake}.acknowledgements (file_key VARCHAR, instruction_key VARCHAR, level VARCHAR, "
        "status VARCHAR, reasons VARCHAR, told_on DATE, file_id VARCHAR, line BIGINT, recorded_at TIMESTAMP)",
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "payment_accounts files_out files_handed_over instructions")
    must_have_tables(connection, "payment_returns account_changes acknowledgements")
    must_have(
        connection,
        "instructions",
        "key file_key loan_id mandate effective amount trace end_to_end_id",
    )
