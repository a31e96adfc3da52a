"""Each version names the last entry of the audit trail, and its hash, as they were when it was committed."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the table; versions before have no row."""
    run(
        connection,
        "CREATE TABLE {lake}.audit_anchors (version BIGINT, entries BIGINT, hash VARCHAR)",
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "audit_anchors")
    must_have(connection, "audit_anchors", "version entries hash")
