"""Policy versions that were used, with their content."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the table; it is filled when the ledger is next written to."""
    run(
        connection,
        "CREATE TABLE IF NOT EXISTS {lake}.policy_versions (folder VARCHAR, name VARCHAR, "
        "version INTEGER, content_hash VARCHAR, content VARCHAR, used_since TIMESTAMP)",
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "policy_versions")
    must_have(connection, "policy_versions", "folder name version content_hash content used_since")
