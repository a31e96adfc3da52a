"""Which ledgers keep their positions by month.

By month, a merge rewrites a date once and a read of a past date decodes that month alone. But rows of a partition are
written through one more buffer: a day of a million loans took a tenth longer so, and its month is more than a file.
"""

from __future__ import annotations

import duckdb

from loanbook.core.store.grouped.tables import TABLES
from loanbook.core.store.lake import LAKE, patiently, transaction

LARGE = 200_000
"""Loans from which on positions are stored without a partition."""


def outgrown(connection: duckdb.DuckDBPyConnection, before: int, now: int) -> None:
    """Give up the partition of positions where a ledger comes to have more than `LARGE` loans; what is stored
    stays as it is."""
    if before > LARGE or now <= LARGE:
        return

    def alter() -> None:
        with transaction(connection):
            for table in TABLES:
                connection.execute(f"ALTER TABLE {LAKE}.{table} RESET PARTITIONED BY")

    patiently(alter)
