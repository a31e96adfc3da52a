"""Large tables are partitioned by month or year, so that a merge rewrites a date once; maintenance is told of.

Files that are there stay as they are: the partition is of those that come.
"""

from __future__ import annotations

from loanbook.core.store.lake import LAKE
from loanbook.core.store.migrations.tools import Connection, must_have, run

MONTHS = ("dues", "allocations")
YEARS = {"transfers": "booking_date", "events": "booking_date", "account_balances": "business_date",
         "checks": "business_date"}  # fmt: skip


def up(connection: Connection) -> None:
    """Set the partitions, add the table."""
    (loans,) = connection.execute(
        f"SELECT next_loan_id - 1 FROM {LAKE}.intake_head"
    ).fetchone() or (0,)
    # a day of a million loans takes longer to write by month, and its month is more than a file
    for table in ("positions", *MONTHS) if loans <= 200_000 else MONTHS:
        run(
            connection,
            f"ALTER TABLE {{lake}}.{table} SET PARTITIONED BY (year(business_date), month(business_date))",
        )
    for table, date in YEARS.items():
        run(connection, f"ALTER TABLE {{lake}}.{table} SET PARTITIONED BY (year({date}))")
    run(
        connection,
        "CREATE TABLE {lake}.maintenance (merged_to DATE, actor VARCHAR, recorded_at TIMESTAMP)",
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have(connection, "maintenance", "merged_to actor recorded_at")
