"""Tables: rows in words. Missing is –, amounts have their thousands apart, and rows leave by the card's menu alone
(`client.disableDataExport` of `serving/.streamlit/config.toml` takes Streamlit's own way out of every table)."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.contract.money import major_of_any
from loanbook.dashboards.formats import MISSING
from loanbook.dashboards.parts.card import count_column, date_column

MONEY = (
    "amount",
    "approved",
    "balance",
    "opening",
    "moved",
    "closing",
    "closed_before",
    "before",
    "after",
    "cap",
    "booked_as_one",
    "booked_one_by_one",
    "came_back",
)
"""Columns of amounts, beside those whose names end with `_amount`."""


def show_rows(rows: pl.DataFrame, **how: Any) -> Any:
    """Rows as Streamlit shows them, with `how` (`st.dataframe`); returns what was chosen of them."""
    return st.dataframe(rows, hide_index=True, placeholder=MISSING, **how)


def titled(rows: pl.DataFrame, **others: str) -> dict[str, Any]:
    """How columns are headed: in words, `others` by theirs; a date without a time, amounts (decimal text) at the right."""
    shown: dict[str, Any] = {}
    for name, kind in rows.schema.items():
        title = others.get(name, name.replace("_", " ").capitalize())
        if kind.is_temporal():
            shown[name] = date_column(title)
        elif name in MONEY or name.endswith("_amount"):
            shown[name] = st.column_config.TextColumn(title, alignment="right")
        elif kind.is_integer():
            shown[name] = count_column(title)
        else:
            shown[name] = title
    return shown


def in_words(*names: str) -> list[pl.Expr]:
    """Codes as words: in_review is in review."""
    return [pl.col(name).str.replace_all("_", " ") for name in names]


def amounts(*names: str) -> list[pl.Expr]:
    """Minor units of the row's `currency` (its name) as text: 1,234.56."""
    return [grouped(major_of_any(name)) for name in names]


def grouped(text: pl.Expr) -> pl.Expr:
    """Decimal text with its thousands apart: -1234.50 is -1,234.50. The name stays."""
    whole = text.str.extract(r"^-?(\d+)").str.reverse().str.replace_all(r"(\d{3})", "${1},")
    sign = text.str.extract(r"^(-)").fill_null("")
    rest = text.str.extract(r"(\.\d+)$").fill_null("")
    return sign + whole.str.reverse().str.strip_chars_start(",") + rest
