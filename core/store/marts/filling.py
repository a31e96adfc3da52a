"""Filling marts with what they lack of published versions: read together, written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import (
    LAKE,
    columns_of_all,
    insert,
    only_filling,
    patiently,
    registered,
    transaction,
)
from loanbook.core.store.marts.mart import Mart
from loanbook.core.store.marts.news import News, news_since
from loanbook.core.store.queries import PUBLISHED, Queries


def fill(ledger: Queries, marts: Sequence[Mart]) -> dict[str, int]:
    """Add what marts lack of published versions; the rows added, by mart. Safe to repeat.

    Their tables are made where the ledger has none: a mart holds nothing that can't be made anew.
    """
    with only_filling(ledger.connection) as held:
        return _fill(ledger, marts, held=held)


def _fill(ledger: Queries, marts: Sequence[Mart], *, held: bool) -> dict[str, int]:
    """As `fill`. `held`: nobody else fills them meanwhile, so that what they have need not be asked again."""
    _make(ledger, marts)
    with ledger.at_once():
        filled = _filled(ledger, marts)
        news = news_since(ledger, min(filled.values()))
        lacking = [mart for mart in marts if filled[mart.name] < news.newest]
        made = [(mart, _rows_of(mart, news.after(filled[mart.name]))) for mart in lacking]
    added = dict.fromkeys((mart.name for mart in marts), 0)

    def write() -> None:
        with transaction(ledger.connection):
            if not held and _filled(ledger, marts) != filled:
                return
            for mart, rows in made:
                insert(ledger.connection, mart.name, _marked(rows, news.newest))
                added[mart.name] = rows.height

    if made:
        patiently(write)
    return added


def _rows_of(mart: Mart, news: News) -> pl.DataFrame:
    return mart.rows(news, mart).select(*mart.schema).cast(mart.schema)  # type: ignore[arg-type]


def _marked(rows: pl.DataFrame, newest: int) -> pl.DataFrame:
    """With a row of no date where the newest version adds nothing: it was looked at, and is not looked at again."""
    if rows["version"].max() == newest:
        return rows
    mark = pl.DataFrame({"version": [newest]}, schema={"version": pl.Int64})
    return pl.concat([rows, mark], how="diagonal")


def rebuild(ledger: Queries, marts: Sequence[Mart]) -> dict[str, int]:
    """Drop what there is and make it anew from the published versions; the rows, by mart."""
    with only_filling(ledger.connection) as held:
        with transaction(ledger.connection):
            for mart in marts:
                ledger.connection.execute(f"DROP TABLE IF EXISTS {LAKE}.{mart.name}")
        return _fill(ledger, marts, held=held)


def must_be_filled(ledger: Queries, marts: Sequence[Mart], version: int) -> None:
    """LedgerError, with the remedy, where a mart lacks a published version up to one."""
    known = columns_of_all(ledger.connection)
    missing = any(mart.name not in known for mart in marts)
    filled = 0 if missing else min(_filled(ledger, marts).values())
    if filled < version:
        raise LedgerError(
            f"the marts that pages read know versions to {filled}, not {version}: the next close fills them, or "
            "`loanbook marts` does now"
        )


def _filled(ledger: Queries, marts: Sequence[Mart]) -> dict[str, int]:
    """The last published version that each was filled with."""
    each = " UNION ALL ".join(
        f"SELECT '{mart.name}' AS mart, coalesce(max(version), 0) AS version FROM {{lake}}.{mart.name} "
        "WHERE version IN (SELECT version FROM published)"
        for mart in marts
    )
    return dict(ledger.rows(f"WITH published AS MATERIALIZED {PUBLISHED} {each}"))


def _make(ledger: Queries, marts: Sequence[Mart]) -> None:
    """The tables, where the ledger has none."""
    connection = ledger.connection
    known = columns_of_all(connection)
    lacking = [mart for mart in marts if mart.name not in known]
    if not lacking:
        return
    with transaction(connection):  # one commit for all: each costs more than its table
        for mart in lacking:
            with registered(connection, "_mart", mart.empty):
                connection.execute(f"CREATE TABLE {LAKE}.{mart.name} AS SELECT * FROM _mart")
