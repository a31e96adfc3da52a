"""Looks for records that may be of one person, pairs that were found, and merges, made and undone: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.duplicate_pairs (pair_id VARCHAR, person VARCHAR, other VARCHAR, applicant VARCHAR,
            other_applicant VARCHAR, revision BIGINT, other_revision BIGINT, weight BIGINT, evidence VARCHAR,
            method VARCHAR, rules_hash VARCHAR, on_date DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.duplicate_looks (persons BIGINT, records_hash VARCHAR, rules_hash VARCHAR, method VARCHAR,
            pairs BIGINT, on_date DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.person_merges (merge_id VARCHAR, event VARCHAR, person VARCHAR, other VARCHAR,
            applicant VARCHAR, other_applicant VARCHAR, pair_id VARCHAR, reason VARCHAR, note VARCHAR, maker VARCHAR,
            checkers VARCHAR, order_id VARCHAR, on_date DATE, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, "duplicate_looks duplicate_pairs person_merges")
