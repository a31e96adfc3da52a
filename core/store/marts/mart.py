"""What a mart is: a table of aggregates, made of published versions and never a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from loanbook.core.store.clocks import each_known_last
from loanbook.core.store.lake import LAKE, columns_of_all, insert, patiently, transaction
from loanbook.core.store.queries import PUBLISHED, Queries


@dataclass(frozen=True)
class Column:
    """A column of a mart, as the reference tells of it."""

    type: type[pl.DataType]
    meaning: str
    unit: str


KEYS = {
    "version": Column(pl.Int64, "published version that told the row last", "key"),
    "business_date": Column(pl.Date, "date that the row is of", "date"),
}
"""Columns that every mart begins with: a restated date has rows of the version that restated it
beside the older ones, so that both clocks find theirs."""


@dataclass(frozen=True)
class Mart:
    """Sums over the positions of a date, kept for every published date.

    `select`: SQL of all columns but `KEYS`, over `p` (positions) and `l` (loan_keys: entity,
    product, currency of the loan); it groups by what it does not sum.
    """

    name: str
    meaning: str
    columns: Mapping[str, Column]
    """All of them, `KEYS` first."""
    select: str

    @property
    def schema(self) -> dict[str, type[pl.DataType]]:
        """Types of the columns."""
        return {name: column.type for name, column in self.columns.items()}

    @property
    def empty(self) -> pl.DataFrame:
        """Its columns and no rows."""
        return pl.DataFrame(schema=self.schema)

    def refresh(self, ledger: Queries) -> int:
        """Add what the table lacks of published versions; returns the rows. Safe to repeat.

        The table is made where the ledger has none: a mart holds nothing that can't be made anew.
        """
        _make(ledger, self)
        with ledger.at_once():
            lacking = ledger.frame(
                f"SELECT business_date, version FROM ({TOUCHED}) EXCEPT SELECT business_date, version "
                f"FROM {{lake}}.{self.name} ORDER BY version, business_date"
            )
            if lacking.is_empty():
                return 0
            bases = ledger.frame(
                f"SELECT business_date, max(version) AS version FROM {{lake}}.versions "
                f"WHERE version IN {PUBLISHED} GROUP BY business_date"
            )
        first_told = lacking.join(bases, on=["business_date", "version"], how="semi")
        restated = lacking.join(bases, on=["business_date", "version"], how="anti")
        parts = [_as_written(ledger, self, first_told), _as_known(ledger, self, restated)]
        rows = pl.concat([part.select(*self.schema).cast(self.schema) for part in parts])  # type: ignore[arg-type]

        def write() -> None:
            with transaction(ledger.connection):
                insert(ledger.connection, self.name, rows)

        patiently(write)
        return rows.height


TOUCHED = f"""
    SELECT business_date, version FROM {{lake}}.versions WHERE version IN {PUBLISHED}
    UNION
    SELECT d.business_date, r.version FROM {{lake}}.restated_loans r JOIN
        (SELECT DISTINCT business_date FROM {{lake}}.versions WHERE version IN {PUBLISHED}) d
        ON d.business_date BETWEEN r.from_date AND r.through_date
    WHERE r.version IN {PUBLISHED}
"""
"""Every date with each published version that told something of it."""
TOLD = f"""
    SELECT m.* FROM {{name}} m JOIN (
        SELECT business_date, max(version) AS version FROM ({TOUCHED.format(lake=LAKE)})
        WHERE version <= $known_at AND ($on IS NULL OR business_date = $on) GROUP BY business_date
    ) told ON told.business_date = m.business_date AND told.version = m.version ORDER BY ALL
"""
"""Rows of the mart `{name}` of a date, or of every date, as known at a version."""


def _make(ledger: Queries, mart: Mart) -> None:
    """The mart's table, where the ledger has none."""
    if mart.name in columns_of_all(ledger.connection):
        return
    connection = ledger.connection
    connection.register("_mart", mart.empty.to_arrow(compat_level=pl.CompatLevel.oldest()))
    try:
        connection.execute(f"CREATE TABLE {LAKE}.{mart.name} AS SELECT * FROM _mart")
    finally:
        connection.unregister("_mart")


def _as_written(ledger: Queries, mart: Mart, dates: pl.DataFrame) -> pl.DataFrame:
    """Sums of dates as the versions that closed them wrote them: one query for all."""
    return ledger.beside(
        f"""
        SELECT p.version, p.business_date, {mart.select}
        FROM {{lake}}.positions p JOIN _dates d
          ON d.version = p.version AND d.business_date = p.business_date
        JOIN {{lake}}.loan_keys l ON l.loan_id = p.loan_id
        GROUP BY ALL
        """,
        [],
        _dates=dates,
    )


def _as_known(ledger: Queries, mart: Mart, dates: pl.DataFrame) -> pl.DataFrame:
    """Sums of restated dates, each as known at the version that restated it: one query for all."""
    columns = f"known.at_version AS version, known.on_date AS business_date, {mart.select}"
    joins = "JOIN {lake}.loan_keys l ON l.loan_id = p.loan_id"
    sql = each_known_last("positions", columns, joins)
    return ledger.beside(sql, [], _dates=dates)
