"""When what waits in suspense was looked at again, and by what it was matched; files of ours that a bank booked as one."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import (
    Connection,
    add,
    must_have,
    must_have_tables,
    run,
)


def up(connection: Connection) -> None:
    """Make the tables, and room for by what a decision was made."""
    add(connection, "entry_decisions", "confidence SMALLINT, said VARCHAR")
    run(
        connection,
        """
        CREATE TABLE {lake}.suspense_looks (name VARCHAR, business_date DATE, seen VARCHAR, entries BIGINT, matched BIGINT,
            file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.file_settlements (file_key VARCHAR, effective DATE, sequence VARCHAR, entry_class VARCHAR,
            description VARCHAR, amount BIGINT, entry_id VARCHAR, file_id VARCHAR, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """Tables and columns are there."""
    must_have_tables(connection, "suspense_looks file_settlements")
    must_have(connection, "entry_decisions", "confidence said")
