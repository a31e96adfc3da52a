"""Frames of a schema; empty ones are made once: one costs milliseconds, a close needs many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import dataframely as dy
import polars as pl

LARGE = 2**16
"""Rows from which the start of threads or of the streaming engine is worth its milliseconds."""


@cache
def empty(schema: type[dy.Schema]) -> pl.DataFrame:
    """A frame with the schema's columns and types and no rows."""
    return pl.DataFrame(schema=dict(schema.create_empty().schema))


def typed(frame: pl.DataFrame, schema: type[dy.Schema]) -> pl.DataFrame:
    """The frame with its columns cast to the schema's types."""
    types = empty(schema).schema
    return frame.cast({name: types[name] for name in frame.columns if name in types})


def neighbours_summed(rows: pl.DataFrame, key: str, summed: Sequence[str]) -> pl.DataFrame:
    """The last row of each run of equal `key` (never null), with its `summed` columns added up.

    Rows of a key stand together. DayState sums and their differences are two to three times
    faster than a group for every key. The summed columns are whole numbers, null as 0.
    """
    last = (pl.col(key) != pl.col(key).shift(-1)).fill_null(True)
    run = rows.with_columns(pl.col(summed).fill_null(0).cum_sum()).filter(last)
    return run.with_columns(pl.col(summed) - pl.col(summed).shift(1, fill_value=0))


def begins(*keys: str) -> pl.Expr:
    """The first row of each run of equal `keys` (never null)."""
    return pl.any_horizontal((pl.col(k) != pl.col(k).shift(1)).fill_null(True) for k in keys)


def since_begin(run: str, key: str) -> pl.Expr:
    """A running sum over all rows, less what it was where the run of equal `key` begins.

    Many times faster than a sum a group. Rows of a key stand together.
    """
    return pl.col(run) - pl.when(begins(key)).then(run).forward_fill()
