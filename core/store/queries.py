"""What any part of the store asks the lake with: a connection, and frames from SQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import polars as pl

from loanbook.core.store.lake import LAKE

PUBLISHED = "(SELECT version FROM {lake}.publications WHERE state = 'published')"
"""Versions that readers see."""


class Queries:
    """Queries on an open lake; in their SQL `{lake}` stands for it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, for other modules of the store."""
        return self._connection

    def frame(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> pl.DataFrame:
        """A query's rows; `{lake}` stands for the attached lake."""
        return self._connection.execute(sql.format(lake=LAKE), parameters or []).pl()

    def beside(
        self, sql: str, parameters: list[Any] | dict[str, Any], **tables: pl.DataFrame
    ) -> pl.DataFrame:
        """A query on a cursor of its own, so that another may run at the same time, with `tables`
        by name beside those of the lake."""
        cursor = self._connection.cursor()
        try:
            for name, frame in tables.items():
                cursor.register(name, frame.to_arrow())
            return cursor.execute(sql.format(lake=LAKE), parameters).pl()
        finally:
            cursor.close()

    def of_loans(
        self, sql: str, ids: pl.Series, parameters: list[Any] | dict[str, Any]
    ) -> pl.DataFrame:
        """A query beside others; table `_ids` holds the `loan_id`s it is about."""
        return self.beside(sql, parameters, _ids=pl.DataFrame({"loan_id": ids.cast(pl.Int64)}))

    def one(self, sql: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
        """The single row of a query."""
        row = self._connection.execute(sql.format(lake=LAKE), parameters or []).fetchone()
        assert row is not None, f"a single row was expected of: {sql}"
        return row

    def first_published(self) -> dt.date | None:
        """The first business date that was ever published."""
        (first,) = self.one(
            f"SELECT min(business_date) FROM {{lake}}.versions WHERE version IN {PUBLISHED}"
        )
        return first

    def published(self) -> tuple[int, dt.date | None]:
        """The last published version and its business date; (0, None): nothing is."""
        version, date = self.one("SELECT published_version, published_date FROM {lake}.ledger_head")
        return version, date
