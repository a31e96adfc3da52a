"""Frames of a schema; empty ones are made once: one costs milliseconds, a close needs many."""

from __future__ import annotations

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
