"""Loans that are held: a version publishes them at their last good positions, and says so here."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the table."""
    run(
        connection,
        "CREATE TABLE {lake}.held_loans (version BIGINT, business_date DATE, loan_id BIGINT, "
        "since DATE, good_until DATE, law VARCHAR, figures VARCHAR, remedy VARCHAR)",
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "held_loans")
