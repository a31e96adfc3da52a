"""Rows of a loan tape as they came, each with its key, before any is judged."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.policy.file_mappings import OWN_TAPES, TAPE_OPTIONAL, TapeMapping
from loanbook.pipelines.formats.mapped import row_hashes
from loanbook.pipelines.formats.table import (
    check_lacking,
    read_csv,
)

DERIVED = ("issue_date", "first_due_date", "first_interest_adjustment")
"""Columns of the sample that are no part of the lender's row, so not of its key."""


MAY_LACK = (
    "jurisdiction", "drawn", "anchor_day", "end_of_month", "maturity_date", "interest_only",
    "stub_interest", "agreed_schedule", "schedule_interest",
)  # fmt: skip
"""Fields whose column a tape may lack though its mapping names it."""


def may_lack(mapping: TapeMapping) -> tuple[str, ...]:
    """Fields whose column a tape of the mapping may lack; in loanbook's own names all that no loan must tell."""
    return TAPE_OPTIONAL if mapping.name in OWN_TAPES else MAY_LACK


def keys(rows: pl.DataFrame) -> pl.Series:
    """`loan_key` of rows that bring none: the hash of each row's own text and its occurrence."""
    columns = [c for c in rows.columns if c not in (*DERIVED, "line")]
    return row_hashes(rows, columns).alias("loan_key")


def read(data: bytes, mapping: TapeMapping) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows of a tape as they came, with `line`, `loan_key`, `doubled` (an earlier row has
    the key) and `product_name`; and rows that are none.

    The columns of the mapping must be there, but those that it `may_lack`. Raises IntakeError if it is no such table.
    """
    optional = may_lack(mapping)
    needed = {column for field, column in mapping.columns.items() if field not in optional}
    named = {*needed, *mapping.opening.values()}
    named |= {name for name in (mapping.key, mapping.product_column) if name}
    raw, broken = read_csv(data, sorted(named))
    lacking = [column for column in mapping.columns.values() if column not in raw.columns]
    own = [*mapping.columns.values(), *mapping.attributes.values(), *mapping.reported.values()]
    check_lacking(raw.columns, lacking, [*named, *own])
    constants = {constant_of(field): pl.lit(value) for field, value in mapping.constants.items()}
    loan_keys = (
        keys(raw) if mapping.key is None else raw[mapping.key].str.strip_chars().alias("loan_key")
    )
    product = pl.lit(mapping.product)
    if mapping.product_column:
        product = pl.col(mapping.product_column).str.strip_chars()
    named_rows = raw.with_columns(loan_keys, product_name=product, **constants)
    doubled = ~pl.col("loan_key").is_first_distinct()
    return named_rows.with_columns(doubled=doubled), broken


def constant_of(field: str) -> str:
    """Column of rows that holds what the mapping says of the field on every row."""
    return f"constant:{field}"
