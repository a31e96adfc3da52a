"""`positions` as one table, for every query that is no matter of speed: a view of the lake.

A group is joined by a subquery that has one row a key, which lets DuckDB leave out the groups that a
query asks nothing of. Versions from before positions were stored in groups stand in `positions_before`.
"""

from __future__ import annotations

import duckdb

from loanbook.core.frames import sql_types
from loanbook.core.servicing.loan.positions import STATE, Positions
from loanbook.core.store.grouped.tables import CORE, GROUPS, KEY, TABLES, ZEROS
from loanbook.core.store.lake import LAKE

BEFORE = "positions_before"


def make_positions(connection: duckdb.DuckDBPyConnection, before: set[str]) -> None:
    """Make the view `positions`, or make it anew after a column came; `before`: columns of the table that
    holds versions from before the groups, none where there is no such table."""
    named = [f"p.{name}" for name in (*KEY, *TABLES[CORE])]
    joins = []
    for table, columns in GROUPS.items():
        one = ", ".join(f"any_value({name}) AS {name}" for name in columns)
        key = ", ".join(KEY)
        joins.append(
            f"LEFT JOIN (SELECT {key}, {one} FROM {LAKE}.{table} GROUP BY {key}) {table} ON "
            + " AND ".join(f"{table}.{name} = p.{name}" for name in KEY)
        )
        named += [f"{table}.{name}" for name in columns]
    rows = f"SELECT {', '.join(named)} FROM {LAKE}.{CORE} p {' '.join(joins)}"
    if before:
        older = [name for name in (*KEY, *STATE[1:]) if name in before]
        rows += f" UNION ALL BY NAME SELECT {', '.join(older)} FROM {LAKE}.{BEFORE}"
    shown = ", ".join((*KEY[:2], *map(_or_zero, STATE)))
    connection.execute(f"CREATE OR REPLACE VIEW {LAKE}.positions AS SELECT {shown} FROM ({rows})")


def _or_zero(name: str) -> str:
    zero = ZEROS.get(name)
    if zero is None:
        return name
    return (
        f"coalesce({name}, {str(zero).lower()}::{sql_types(Positions)[name].split()[0]}) AS {name}"
    )
