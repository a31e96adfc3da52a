"""Lists of sanctions by their editions, screenings of persons, hits, and what persons said of them: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run

TABLES = "sanction_members sanction_names person_screenings screening_hits screening_verdicts"


def up(connection: Connection) -> None:
    """Make the tables."""
    run(
        connection,
        """
        CREATE TABLE {lake}.sanction_members (list VARCHAR, edition VARCHAR, entry_key VARCHAR, known_on DATE,
            line BIGINT, file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.sanction_names (entry_key VARCHAR, list VARCHAR, entry_ref VARCHAR, kind VARCHAR,
            name VARCHAR, born_from BIGINT, born_to BIGINT, program VARCHAR, body_hash VARCHAR, known_on DATE,
            file_id VARCHAR, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.person_screenings (subject VARCHAR, applicant VARCHAR, revision BIGINT, list VARCHAR,
            edition VARCHAR, rules_hash VARCHAR, scorer VARCHAR, on_date DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.screening_hits (hit_id VARCHAR, subject VARCHAR, revision BIGINT, list VARCHAR,
            entry_key VARCHAR, entry_ref VARCHAR, listed_name VARCHAR, score BIGINT, threshold BIGINT, birth VARCHAR,
            scorer VARCHAR, edition VARCHAR, on_date DATE, recorded_at TIMESTAMP);
        CREATE TABLE {lake}.screening_verdicts (hit_id VARCHAR, verdict VARCHAR, reason VARCHAR, note VARCHAR,
            maker VARCHAR, on_date DATE, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The tables are there."""
    must_have_tables(connection, TABLES)
