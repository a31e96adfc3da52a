"""Loans by their key and events by their reference: a 64-bit hash in a sorted table first, the text of what it finds
then.

A file names few keys among all that ever came. The hash tells which rows may have them: of a few keys it reads a
few row groups, of many eight bytes a row. Two texts may share a hash, so whoever looks up compares the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import polars as pl

from loanbook.core.store.lake import LAKE, registered
from loanbook.core.store.queries import Queries

LOAN_COLUMNS = {
    "loan_id": pl.Int64, "loan_key": pl.String, "entity": pl.Int16, "product": pl.Int16,
    "currency": pl.Int8, "boards_on": pl.Date,
}  # fmt: skip
"""Schema of loans that are looked up."""


@dataclass(frozen=True)
class Hashes:
    """A table of hashes: of which table's text, and the number that a hash leads to."""

    table: str
    hash: str
    text: str
    id: str


HASHES: Mapping[str, Hashes] = {
    "loan_keys": Hashes("loan_key_hashes", "key_hash", "loan_key", "loan_id"),
    "events": Hashes("event_ref_hashes", "ref_hash", "source_ref", "event_id"),
}
"""By the table whose keys they are. The hash is the lower half of the MD5 of the text in UTF-8, which no release of the
database may change."""


def keep_hashes(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    """Store the hashes of the keys of rows that a table of this name gets; of others nothing."""
    of = HASHES.get(name)
    if of is None or rows.is_empty():
        return
    with registered(connection, "_keyed", rows.select(of.text, of.id)):
        connection.execute(
            f"INSERT INTO {LAKE}.{of.table} BY NAME "
            f"SELECT md5_number_lower({of.text}) AS {of.hash}, {of.id} FROM _keyed"
        )


def ids_of(ledger: Queries, name: str, texts: pl.Series) -> pl.Series:
    """Numbers of the rows of a table that may have one of the keys."""
    of = HASHES[name]
    asked = texts.drop_nulls().unique()
    if asked.is_empty():
        return pl.Series(of.id, [], dtype=pl.Int64)
    found = ledger.beside(
        f"SELECT {of.id} FROM {{lake}}.{of.table} "
        f"WHERE {of.hash} IN (SELECT md5_number_lower(text) FROM _asked)",
        [],
        _asked=pl.DataFrame({"text": asked}),
    )
    return found[of.id].unique().sort()


def loans_by_id(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """`LOAN_COLUMNS` of loans `ids`."""
    if ids.is_empty():
        return pl.DataFrame(schema=LOAN_COLUMNS)
    return ledger.of_loans(
        f"SELECT {', '.join(LOAN_COLUMNS)} FROM {{lake}}.loan_keys "
        "WHERE loan_id IN (SELECT loan_id FROM _ids)",
        ids.unique(),
        [],
    )


def loans_by_key(ledger: Queries, keys: pl.Series) -> pl.DataFrame:
    """`LOAN_COLUMNS` of the loans that have one of the keys."""
    found = loans_by_id(ledger, ids_of(ledger, "loan_keys", keys))
    return found.filter(pl.col("loan_key").is_in(keys.unique().implode()))


def sources_of(ledger: Queries) -> set[str]:
    """Source systems that events came from."""
    rows = ledger.rows("SELECT DISTINCT source_system FROM {lake}.event_sources")
    return {name for (name,) in rows}


def keep_sources(
    connection: duckdb.DuckDBPyConnection, known: set[str], events: pl.DataFrame
) -> None:
    """Store the source systems of events that were not known."""
    for name in sorted(set(events["source_system"].unique()) - known):
        connection.execute(f"INSERT INTO {LAKE}.event_sources VALUES (?)", [name])
