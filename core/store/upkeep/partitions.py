"""Which ledgers keep positions, dues and allocations by year, by month, or positions without a partition.

What a night costs grows with the number of files, and merges never cross a partition: so a small book has years, of
which the one that runs is rewritten each month. A larger one has months, so that a merge rewrites a date once and a
read of a past date decodes that month alone. But rows of a partition are written through one more buffer: a day of a
million loans took a tenth longer so, and its month is more than a file.
"""

from __future__ import annotations

import duckdb

from loanbook.core.store.grouped.tables import TABLES
from loanbook.core.store.lake import LAKE, patiently, transaction

SMALL = 5_000
"""Loans up to which a partition is a year: its positions are some 60 MB."""
LARGE = 200_000
"""Loans from which on positions are stored without a partition."""
BY_MONTH = "SET PARTITIONED BY (year(business_date), month(business_date))"


def outgrown(connection: duckdb.DuckDBPyConnection, before: int, now: int) -> None:
    """Change the partition of what comes where a ledger comes to have more than `SMALL` or `LARGE` loans; what is
    stored stays as it is."""
    changes: list[tuple[str, str]] = []
    if before <= SMALL < now:
        changes += [(table, BY_MONTH) for table in (*TABLES, "dues", "allocations", "risk_events")]
    if before <= LARGE < now:
        changes += [(table, "RESET PARTITIONED BY") for table in TABLES]

    def alter() -> None:
        with transaction(connection):
            for table, change in dict(changes).items():
                connection.execute(f"ALTER TABLE {LAKE}.{table} {change}")

    if changes:
        patiently(alter)
