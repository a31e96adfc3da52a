"""Marts: every aggregate that is kept by date, as rows to read and to take along."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.store.marts import MARTS
from loanbook.core.store.marts.mart import Column
from loanbook.dashboards import data
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import downloads
from loanbook.dashboards.parts.head import head


def _column(of: Column) -> Any:
    """How a column is shown: dates without a time, its meaning and unit beside its name."""
    told = f"{of.meaning} ({of.unit})"
    if of.type == pl.Date:
        return st.column_config.DateColumn(help=told, format="YYYY-MM-DD")
    return st.column_config.Column(help=told)


def draw() -> None:
    """Draw one mart for the clocks of the URL."""
    clocks = head("Marts", data.ledger())
    if clocks is None:
        return
    by_name = {mart.name: mart for mart in MARTS}
    name = st.selectbox("Mart", list(by_name), key="mart", bind="query-params", width=320)
    mart = by_name[name or MARTS[0].name]
    rows = data.mart(mart.name, clocks.as_of, clocks.known_at)
    st.caption(f"{mart.meaning} Amounts in minor units, codes as in docs/reference.md.")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={column: _column(of) for column, of in mart.columns.items()},
    )
    if rows.is_empty():
        st.info("The mart has no rows of this date; `loanbook marts` brings it up to date.")
        return
    about = {"what": mart.meaning, "as of": str(clocks.as_of), "version": str(clocks.known_at)}
    downloads(lambda: rows, about, f"{mart.name}_{clocks.as_of}_v{clocks.known_at}", mart.name)


PAGE = Page("marts", "Marts", ":material/table_view:", "Ledger", draw)
