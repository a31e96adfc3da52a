"""A small book keeps positions, dues and allocations by year, not by month: after ten years that is a tenth of the files.

Files that are there stay as they are: the partition is of those that come.
"""

from __future__ import annotations

from loanbook.core.store.lake import LAKE
from loanbook.core.store.migrations.tools import Connection, must_have_tables, run

SMALL = 5_000
TABLES = ("position_core", "position_arrears", "position_income", "position_line", "position_running", "dues",
          "allocations")  # fmt: skip


def up(connection: Connection) -> None:
    """Set the partitions of a small book."""
    row = connection.execute(f"SELECT next_loan_id - 1 FROM {LAKE}.intake_head").fetchone()
    if row is None or row[0] <= SMALL:
        for table in TABLES:
            run(
                connection,
                f"ALTER TABLE {{lake}}.{table} SET PARTITIONED BY (year(business_date))",
            )


def check(connection: Connection) -> None:
    """The tables are there; a partition shows in the catalogue only once it is committed."""
    must_have_tables(connection, " ".join(TABLES))
