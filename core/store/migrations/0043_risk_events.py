"""The outbox of risk events: written in the commit of the version that tells them, added and never edited."""

from __future__ import annotations

from loanbook.core.store.lake import LAKE
from loanbook.core.store.migrations.tools import Connection, must_have_tables, run

SMALL = 5_000


def up(connection: Connection) -> None:
    """Make the table, by year in a small book, by month in a larger one."""
    run(
        connection,
        """
        CREATE TABLE {lake}.risk_events (sequence BIGINT, version BIGINT, loan_id BIGINT, business_date DATE, kind TINYINT,
            before INTEGER, now INTEGER, cause TINYINT, event_ids VARCHAR, corrects BIGINT, recorded_at TIMESTAMP)
        """,
    )
    row = connection.execute(f"SELECT next_loan_id - 1 FROM {LAKE}.intake_head").fetchone()
    month = "" if row is None or row[0] <= SMALL else ", month(business_date)"
    run(
        connection,
        f"ALTER TABLE {{lake}}.risk_events SET PARTITIONED BY (year(business_date){month})",
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "risk_events")
