"""Columns that hold one value in all of a table's files, which need not be read: the catalogue tells it."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.lake import CATALOGUE
from loanbook.core.store.queries import Queries

_STATISTICS = f"""
    SELECT c.column_name, any_value(s.min_value), sum(s.null_count) = any_value(t.rows)
    FROM {CATALOGUE}.ducklake_table b
    JOIN {CATALOGUE}.ducklake_data_file f ON f.table_id = b.table_id AND f.end_snapshot IS NULL
    JOIN {CATALOGUE}.ducklake_column c ON c.table_id = b.table_id AND c.end_snapshot IS NULL
    JOIN {CATALOGUE}.ducklake_file_column_stats s
      ON s.data_file_id = f.data_file_id AND s.column_id = c.column_id,
    LATERAL (SELECT sum(record_count) AS rows FROM {CATALOGUE}.ducklake_data_file d
             WHERE d.table_id = b.table_id AND d.end_snapshot IS NULL) t
    WHERE b.table_name = '{{table}}' AND b.end_snapshot IS NULL
    GROUP BY c.column_name
    HAVING sum(f.record_count) = any_value(t.rows)  -- a file from before the column says nothing of it
       AND (sum(s.null_count) = any_value(t.rows)
            OR sum(s.null_count) = 0 AND count(DISTINCT s.min_value) = 1
               AND count(DISTINCT s.max_value) = 1 AND any_value(s.min_value) = any_value(s.max_value))
"""


def constants(ledger: Queries, table: str, types: pl.Schema) -> dict[str, pl.Expr]:
    """Columns of `types` that are null, or one whole number, in every row that the table ever got."""
    found = {}
    for name, value, is_null in ledger.rows(_STATISTICS.format(table=table)):
        if name in types and (is_null or types[name].is_integer()):
            found[name] = pl.lit(None if is_null else int(value), dtype=types[name])
    return found
