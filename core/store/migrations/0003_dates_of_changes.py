"""Interest pauses and the date since which a schedule is held as rows."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have, run


def up(connection: Connection) -> None:
    """Add the columns, and what ledgers lack that saw migration 2 before it was complete."""
    run(connection, CREATE)
    add(connection, "schedules", "event_id BIGINT")
    for table in ("loans", "changed_terms"):
        add(connection, table, "rate_until DATE, rate_before BIGINT")
        add(connection, table, "paused_from DATE, paused_until DATE, stands_from DATE")


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "schedules", "event_id")
    for table in ("loans", "changed_terms"):
        must_have(connection, table, "rate_until rate_before paused_from paused_until stands_from")


CREATE = """
    CREATE TABLE IF NOT EXISTS {lake}.changed_terms (version BIGINT, business_date DATE, event_id BIGINT,
    loan_id BIGINT, product SMALLINT, entity SMALLINT, currency TINYINT, principal_agreed
    BIGINT, balloon BIGINT, rate_ppb BIGINT, instalments SMALLINT, every SMALLINT, unit TINYINT,
    disbursed_on DATE, first_due_date DATE, anchor_day TINYINT, second_anchor_day TINYINT,
    end_of_month BOOLEAN, emi BIGINT, first_interest_adjustment BIGINT, rate_until DATE,
    rate_before BIGINT, paused_from DATE, paused_until DATE, matures_on DATE, accelerated_on
    DATE, moratorium_left SMALLINT, moratorium_interest TINYINT, spread_ppb BIGINT,
    first_reset_on DATE, flags SMALLINT, taken_over_on DATE, principal_left BIGINT, rate_agreed
    BIGINT, jurisdiction BIGINT, stands_from DATE, reaged_no SMALLINT)"""
