"""What is quoted of a refused row of a loan tape: its cells, and the bounds that it breaks."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.money import percent, to_major
from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.core.policy.product import Product
from loanbook.pipelines.formats.table import (
    quoted,
)

_READ = {"spread_percent": "spread_ppb", "first_reset_on": "first_reset_on",
         "past_due_since": "past_due_since"}  # fmt: skip
"""Fields that may be left out, by the column that they are read into."""


def unread(
    raw: pl.DataFrame, of: dict[str, str], mapping: TapeMapping, typed: pl.DataFrame
) -> dict[str, pl.Expr]:
    """By field: whether its cell is there and was not read."""
    columns = {**of, **mapping.opening}
    return {
        columns[field]: (pl.col(columns[field]).str.strip_chars() != "") & typed[column].is_null()
        for field, column in _READ.items()
        if field in columns
    }


def texts(
    raw: pl.DataFrame, of: dict[str, str], mapping: TapeMapping, typed: pl.DataFrame
) -> pl.DataFrame:
    """Cells as they came, by loanbook's names, for what is quoted of a refused row; and for two
    rules the cell that breaks them."""
    cells = raw.select(
        "line", product="product_name", **{field: pl.col(column) for field, column in of.items()}
    )
    balances = {
        column: typed[name].is_null() | (typed[name] < 0)
        for field, column in mapping.opening.items()
        if (name := f"opening_{field}") in typed.columns
    }
    wrong = {"field_not_read": unread(raw, of, mapping, typed),
             "opening_balance_not_an_amount": {c: pl.lit(w) for c, w in balances.items()}}  # fmt: skip
    told = raw.select(
        pl.coalesce(
            pl.when(is_wrong).then(pl.concat_str(pl.lit(f"{column}="), quoted(column)))
            for column, is_wrong in columns.items()
        ).alias(rule)
        for rule, columns in wrong.items()
        if columns
    )
    return pl.concat([cells, told], how="horizontal")


def with_bounds(texts: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Texts with what is quoted where a bound of the product is broken: the cell, and the bounds."""
    of = product.bounds
    spans = {
        "principal": ("principal", [to_major(n, product.currency) for n in of.amount_minor]),
        "rate": ("rate_percent", [f"{percent(n)} %" for n in of.rate_ppb]),
        "term": ("instalments", [str(n) for n in of.instalments]),
        "balloon": ("balloon", [f"{percent(n)} % of the principal" for n in of.balloon_ppb]),
    }
    return texts.with_columns(
        pl.concat_str(quoted(cell), pl.lit(f"; {product.name} has {low} to {high}")).alias(
            f"{name}_out_of_bounds"
        )
        for name, (cell, (low, high)) in spans.items()
        if cell in texts.columns
    )
