"""The mart that pages read: the portfolio by date, product, status and days past due."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run

CREATE = """
    CREATE TABLE {lake}.portfolio_daily (version BIGINT, business_date DATE, entity SMALLINT,
    product SMALLINT, currency TINYINT, status TINYINT, days_past_due INTEGER, loans BIGINT,
    principal BIGINT, overdue BIGINT)
"""


def up(connection: Connection) -> None:
    """Make the table; the next close fills it with every published date."""
    run(connection, CREATE)


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "portfolio_daily")
