"""Rows and columns that a role shows, as SQL of the views that a reader makes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import polars as pl

from loanbook.core.access.deciding import WHOLE, Reading, Rows
from loanbook.core.contract.jurisdiction import CODE, packed
from loanbook.core.store.lake import LAKE, registered

DENIED = "access denied: "
"""How the error of a view begins that may not be read."""
TABLE = "_scope"
"""Loans that are shown, `loan_id`; where every row is, it is not there."""
_UNFILTERED = frozenset({"versions", "publications", "products", "entities"})
"""Tables without loans that those who see some loans alone may read."""
_TOTALS = ("positions", "dues", "transfers", "allocations", "control_totals")
"""Columns of `versions` that tell of all loans."""
_BARRIER = " LIMIT 9223372036854775807"


@dataclass(frozen=True)
class Shown:
    """How the views of a reader are made: what it sees, and with which secret tokens are made."""

    reading: Reading = WHOLE
    salt: str = ""
    barred: bool = False
    """Whether conditions of the reader's own are judged after rows were left out: a condition that fails on a row
    tells of it. For SQL of people's own."""

    @property
    def filters(self) -> bool:
        """Whether some rows are left out."""
        return not self.reading.sees_every_row

    @property
    def end(self) -> str:
        """What a view ends with."""
        return _BARRIER if self.barred and self.filters else ""

    def why_not(self, table: str, columns: Collection[str]) -> str | None:
        """Why a table may not be read; None: it may."""
        if not self.reading.sees(table):
            return f"none of your roles reads {table}"
        if self.filters and "loan_id" not in columns and table not in _UNFILTERED:
            return f"{table} tells of all loans, and your roles read some alone"
        return None

    def replaced(self, table: str, columns: Collection[str]) -> dict[str, str]:
        """Expressions that stand in for columns of a table."""
        found = {}
        if self.reading.masks:
            for column in sorted(columns):
                if how := self.reading.mask(table, column):
                    found[column] = self._masked(how, column)
        if self.filters and table == "versions":
            found |= {name: _nothing(name) for name in _TOTALS if name in columns}
        return found

    def _masked(self, how: str, column: str) -> str:
        if how == "token":
            salt = self.salt.replace("'", "''")
            return f"'t_' || left(sha256('{salt}' || {column}::VARCHAR), 20)"
        if how == "initial":
            return f"left({column}, 1) || '…'"
        return f"'…' || right({column}, 4)" if how == "last_four" else _nothing(column)

    def condition(self, columns: Collection[str]) -> str:
        """Condition on the rows of a table; empty: all are shown."""
        if not self.filters or "loan_id" not in columns:
            return ""
        return f"loan_id IN (SELECT loan_id FROM {TABLE})"


def _nothing(column: str) -> str:
    """No value, of the column's type."""
    return f"CASE WHEN false THEN {column} END"


def refusing(rows: str, why: str) -> str:
    """SQL with the columns of some rows, that tells whoever reads it why they may not. It fails whether there are
    rows or not: nobody takes what is hidden for an empty table."""
    told = f"{DENIED}{why}".replace("'", "''")
    return f"SELECT t.* FROM (SELECT 1 WHERE error('{told}')) AS one LEFT JOIN {rows} AS t ON true"


def make_scope(connection: duckdb.DuckDBPyConnection, shown: Shown) -> None:
    """Gather the loans that a reader is shown, as the ledger knows them now."""
    if not shown.filters:
        return
    fits = [_fitting(rows) for rows in shown.reading.rows]
    found = connection.execute(
        f"SELECT DISTINCT k.loan_id FROM {LAKE}.loan_keys k "
        f"JOIN {LAKE}.entities en ON en.code = k.entity JOIN {LAKE}.products pr ON pr.code = k.product "
        f"LEFT JOIN {LAKE}.loans l ON l.loan_id = k.loan_id AND l.close_reason IS NULL "
        f"WHERE {' OR '.join(f'({sql})' for sql, _ in fits)}",
        [value for _, values in fits for value in values],
    ).pl()
    connection.execute(f"CREATE OR REPLACE TABLE {TABLE} (loan_id BIGINT)")
    with registered(connection, "_found", found.select(pl.col("loan_id").cast(pl.Int64))):
        connection.execute(f"INSERT INTO {TABLE} SELECT loan_id FROM _found")


def _fitting(rows: Rows) -> tuple[str, list[list[object]]]:
    """Condition and values of loans that fit each attribute; a product fits by its name, whatever version."""
    columns = {
        "entity": "en.name",
        "product": "split_part(pr.name, '@', 1)",
        "account": "k.loan_key",
        "region": "l.jurisdiction",
    }
    parts, values = [], []
    for name, wanted in sorted(rows.items()):
        parts.append(f"{columns[name]} IN (SELECT unnest(?))")
        told: list[object] = [*sorted(wanted)]
        if name == "region":
            told = [packed(code) for code in wanted if pl.Series([code]).str.contains(CODE)[0]]
            told = told or [-1]
        values.append(told or [""])
    return " AND ".join(parts), values
