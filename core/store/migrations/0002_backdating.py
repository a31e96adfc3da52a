"""Restated loans, the terms of changed contracts and the versions of schedules."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the two tables; give schedules their event and loans what they earned."""
    run(connection, CREATE)
    add(connection, "schedules", "event_id BIGINT")
    add(connection, "loans", "interest_earned BIGINT, rate_until DATE, rate_before BIGINT")


def check(connection: Connection) -> None:
    """Tables and columns are there."""
    must_have_tables(connection, "restated_loans changed_terms")
    must_have(connection, "schedules", "event_id")
    must_have(connection, "loans", "interest_earned rate_until rate_before")


# a restatement gives these loans' rows of the dates anew, also where it has none; terms from a
# change of the contract on, which with the boarded ones are every version
CREATE = """
    CREATE TABLE {lake}.restated_loans (version BIGINT, loan_id BIGINT, from_date DATE,
    through_date DATE);
    CREATE TABLE {lake}.changed_terms (version BIGINT, business_date DATE, event_id BIGINT,
    loan_id BIGINT, product SMALLINT, entity SMALLINT, currency TINYINT, principal_agreed
    BIGINT, balloon BIGINT, rate_ppb BIGINT, instalments SMALLINT, every SMALLINT, unit TINYINT,
    disbursed_on DATE, first_due_date DATE, anchor_day TINYINT, second_anchor_day TINYINT,
    end_of_month BOOLEAN, emi BIGINT, first_interest_adjustment BIGINT, rate_until DATE,
    rate_before BIGINT, paused_from DATE, paused_until DATE, matures_on DATE, accelerated_on
    DATE, moratorium_left SMALLINT, moratorium_interest TINYINT, spread_ppb BIGINT,
    first_reset_on DATE, flags SMALLINT, taken_over_on DATE, principal_left BIGINT, rate_agreed
    BIGINT, jurisdiction BIGINT, stands_from DATE, reaged_no SMALLINT)"""
