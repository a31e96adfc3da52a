"""Keys are looked up by a 64-bit hash in a sorted table; files stand in the order of their content's hash; folders of the
landing folder that rest, and the source systems of events, are told of."""

from __future__ import annotations

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import LAKE
from loanbook.core.store.migrations.tools import KEPT, Connection, must_have_tables, run

PAIRS = {"loan_key_hashes": "loan_keys", "event_ref_hashes": "events"}


def up(connection: Connection) -> None:
    """Make the tables, with the hashes of the keys that are there."""
    run(connection, CREATE)


def check(connection: Connection) -> None:
    """The tables are there, with a hash of every key."""
    must_have_tables(connection, " ".join([*PAIRS, "event_sources", "landing_folders"]))
    for hashes, keys in PAIRS.items():
        found = connection.execute(
            f"SELECT (SELECT count(*) FROM {LAKE}.{hashes}), (SELECT count(*) FROM {LAKE}.{keys})"
        ).fetchone()
        if found is None or found[0] != found[1]:
            raise LedgerError(f"{hashes} does not have a row for each of {keys}; {KEPT}")


CREATE = """
    CREATE TABLE {lake}.loan_key_hashes (key_hash UBIGINT, loan_id BIGINT);
    ALTER TABLE {lake}.loan_key_hashes SET SORTED BY (key_hash ASC);
    INSERT INTO {lake}.loan_key_hashes SELECT md5_number_lower(loan_key), loan_id FROM {lake}.loan_keys;
    CREATE TABLE {lake}.event_ref_hashes (ref_hash UBIGINT, event_id BIGINT);
    ALTER TABLE {lake}.event_ref_hashes SET SORTED BY (ref_hash ASC);
    INSERT INTO {lake}.event_ref_hashes SELECT md5_number_lower(source_ref), event_id FROM {lake}.events;
    ALTER TABLE {lake}.files SET SORTED BY (file_id ASC);
    CREATE TABLE {lake}.event_sources (source_system VARCHAR);
    INSERT INTO {lake}.event_sources SELECT DISTINCT source_system FROM {lake}.events;
    CREATE TABLE {lake}.landing_folders (folder VARCHAR, inode UBIGINT, modified_ns BIGINT, changed_ns BIGINT,
    recorded_at TIMESTAMP)
"""
