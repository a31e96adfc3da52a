"""What a mart is: a table of aggregates, made of published versions and never a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from loanbook.core.store.queries import Queries


@dataclass(frozen=True)
class Mart:
    """A mart's table, and how it is filled from what is published."""

    name: str
    meaning: str
    schema: Mapping[str, pl.DataType | type[pl.DataType]]
    """Columns of the table; a migration makes it."""
    refresh: Callable[[Queries], int]
    """Adds what the table lacks of published versions; returns the rows. Safe to repeat."""
