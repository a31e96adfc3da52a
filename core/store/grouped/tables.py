"""Positions cut into the tables they are stored in, and put together again.

`position_core` has a row a loan and date. A group's table has one only of a loan that has something in
the group; the others are at the group's zeros there. Which group a column is of stands beside the column
(`loanbook.core.servicing.loan.positions`), and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import polars as pl

from loanbook.core.frames import empty, metadata
from loanbook.core.servicing.loan.positions import STATE, Positions
from loanbook.core.store.parts.part import Part, read
from loanbook.core.store.queries import Queries, by_loan

KEY = ("version", "business_date", "loan_id")
CORE = "position_core"
_GROUP = metadata(Positions, "group")
ZEROS: dict[str, Any] = {
    name: zero for name, zero in metadata(Positions, "zero").items() if _GROUP[name]
}
"""What a loan without rows in a group has there, by column."""
TABLES = {
    CORE: tuple(name for name in STATE if not _GROUP[name] and name not in KEY),
    **{
        f"position_{group}": tuple(name for name in STATE if _GROUP[name] == group)
        for group in sorted({each for each in _GROUP.values() if each})
    },
}
"""Columns of each table, beside its key."""
GROUPS = {table: columns for table, columns in TABLES.items() if table != CORE}


def cut(positions: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Positions (with `version` and `business_date`) as rows of the tables they are stored in."""
    yield CORE, positions.select(*KEY, *TABLES[CORE])
    for table, columns in GROUPS.items():
        has = positions.select(pl.any_horizontal(map(_is_set, columns))).to_series()
        if has.any():
            yield table, positions.select(*KEY, *columns).filter(has)


def _is_set(name: str) -> pl.Expr:
    zero = ZEROS[name]
    return pl.col(name).is_not_null() if zero is None else pl.col(name) != zero


def positions_of(
    ledger: Queries, version: int, date: dt.date, part: Part | None = None
) -> pl.DataFrame:
    """Positions (schema `Positions`) that a version wrote of a date, of all loans or of a part, in order of
    `loan_id`.

    What no loan has is one value for the whole column, which costs nothing to carry.
    """
    core = _rows(ledger, CORE, TABLES[CORE], (version, date), part)
    if core.is_empty():  # written before positions were stored in groups, or none
        return _rows(ledger, "positions", STATE[1:], (version, date), part)
    types = empty(Positions).schema
    found: dict[str, pl.Series | pl.Expr] = {}
    for table, columns in GROUPS.items():
        rows = _rows(ledger, table, columns, (version, date), part)
        where = core["loan_id"].search_sorted(rows["loan_id"]) if rows.height else None
        for name in columns:
            zero = pl.lit(ZEROS[name], dtype=types[name])
            if where is None or not rows.select(_is_set(name).any()).item():
                found[name] = zero
            else:
                column = pl.repeat(ZEROS[name], core.height, dtype=types[name], eager=True)
                found[name] = column.scatter(where, rows[name].cast(types[name]))
    return core.with_columns(**found).select(STATE)


def _rows(
    ledger: Queries,
    table: str,
    columns: tuple[str, ...],
    of: tuple[int, dt.date],
    part: Part | None,
) -> pl.DataFrame:
    rows = read(
        ledger,
        f"SELECT loan_id, {', '.join(columns)} FROM {{lake}}.{table} "
        "WHERE version = ? AND business_date = ? AND {part}",
        list(of), "loan_id", part,
    )  # fmt: skip
    return by_loan(rows)
