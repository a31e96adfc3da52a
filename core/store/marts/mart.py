"""What a mart is: a table of aggregates, made of published versions and never a source.

A mart grows by what changes. A version's rows are what it adds to the sums: of the date that it closed all of
it, of a date that it restated the difference, which costs what the restated loans cost. So both clocks read
by one rule: the sum of all rows up to a version. What nets to nothing leaves no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from loanbook.core.store.marts.news import News


@dataclass(frozen=True)
class Column:
    """A column of a mart, as the reference tells of it, and what it is made of."""

    type: type[pl.DataType]
    meaning: str
    unit: str
    of: str = ""
    """SQL of a column that rows are grouped by, over `p` (the source's row) and `l` (loan_keys)."""
    total_of: str = ""
    """SQL of what is summed, of one row of the source."""


KEYS = {
    "version": Column(pl.Int64, "published version that told the row last", "key"),
    "business_date": Column(pl.Date, "date that the row is of", "date"),
}
"""Columns that every mart begins with."""
LOAN = {
    "entity": Column(pl.Int16, "the lender's book", "code of entities", "l.entity"),
    "product": Column(
        pl.Int16, "product version that the loans pin", "code of products", "l.product"
    ),
    "currency": Column(pl.Int8, "currency of the amounts", "code of currency_names", "l.currency"),
}
"""What keeps books, products and currencies apart in each mart."""
Rows = Callable[[News, "Mart"], pl.DataFrame]
"""A mart's rows of the published versions that it lacks."""


@dataclass(frozen=True)
class Mart:
    """An aggregate that is kept: its columns (`KEYS` first), and how versions add to it."""

    name: str
    meaning: str
    columns: Mapping[str, Column]
    rows: Rows
    read: str = ""
    """SQL of its rows at both clocks (`$on`, `$known_at`), where they are not sums."""

    @property
    def schema(self) -> dict[str, type[pl.DataType]]:
        """Types of the columns."""
        return {name: column.type for name, column in self.columns.items()}

    @property
    def empty(self) -> pl.DataFrame:
        """Its columns and no rows."""
        return pl.DataFrame(schema=self.schema)

    @property
    def sums(self) -> list[str]:
        """Columns that are summed."""
        return [name for name, column in self.columns.items() if column.total_of]

    @property
    def dimensions(self) -> list[str]:
        """Columns that rows are grouped by, beside `KEYS`."""
        return [name for name in self.columns if name not in {*KEYS, *self.sums}]

    @property
    def told(self) -> str:
        """SQL of its rows of a date (`$on`; null: of every date) as known at a version (`$known_at`)."""
        if self.read:
            return self.read
        sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in self.sums)
        return (
            f"SELECT max(version) AS version, business_date, {', '.join(self.dimensions)}, {sums} "
            f"FROM {self.name} WHERE version <= $known_at AND ($on IS NULL OR business_date = $on) "
            f"GROUP BY business_date, {', '.join(self.dimensions)} "
            f"HAVING {' OR '.join(f'sum({name}) <> 0' for name in self.sums)} ORDER BY ALL"
        )

    def select(self, sign: str = "1") -> str:
        """SQL of all columns but `KEYS`, each sum with a sign."""
        parts = [f"{self.columns[name].of} AS {name}" for name in self.dimensions]
        parts += [
            f"sum({sign} * ({self.columns[name].total_of}))::BIGINT AS {name}" for name in self.sums
        ]
        return ", ".join(parts)

    @property
    def changes_anything(self) -> str:
        """SQL condition that a group of rows has a sum that is not zero."""
        return " OR ".join(f"{name} <> 0" for name in self.sums)
