"""Data files are written by the second version of Parquet: whole numbers as what they differ by."""

from __future__ import annotations

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import LAKE
from loanbook.core.store.migrations.tools import KEPT, Connection, run


def up(connection: Connection) -> None:
    """Files that come are of that version; those that are there stay as they are."""
    run(connection, "CALL {lake}.set_option('parquet_version', 2)")


def check(connection: Connection) -> None:
    """The lake knows the option."""
    found = connection.execute(
        f"SELECT value FROM ducklake_options('{LAKE}') WHERE option_name = 'parquet_version'"
    ).fetchall()
    if found != [("V2",)]:
        raise LedgerError(f"the lake writes Parquet of version {found}; {KEPT}")
