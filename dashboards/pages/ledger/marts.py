"""Marts: every aggregate that is kept by date, as rows to read and to take along."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.catalogue.codes import Timing
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.store.marts import MARTS
from loanbook.core.store.marts.mart import Column, Mart
from loanbook.dashboards import data
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import done, downloads
from loanbook.dashboards.parts.head import head
from loanbook.dashboards.parts.table import amounts, show_rows

_CODE, _MONEY = "code of ", "minor units"
_MOST = 5_000
"""Rows that are drawn."""
_ENUMS: Mapping[str, type[IntEnum]] = {"Timing": Timing, "Unit": Unit}


def _column(name: str, of: Column) -> Any:
    """How a column is shown: in words, a date without a time, its meaning and unit beside its name."""
    title = name.replace("_", " ").capitalize()
    told = f"{of.meaning} ({of.unit})"
    if of.type == pl.Date:
        return st.column_config.DateColumn(title, help=told, format="D MMM YYYY")
    if of.unit == _MONEY:
        return st.column_config.TextColumn(title, help=of.meaning, alignment="right")
    if of.unit == "count":
        return st.column_config.NumberColumn(title, help=told, format="localized")
    return st.column_config.Column(title, help=told)


def named(rows: pl.DataFrame, mart: Mart, version: int) -> pl.DataFrame:
    """Rows with names in place of codes, and amounts in units of their currency (text); of a mart that keeps no
    currency they stay in minor units."""
    coded = {name: of.unit.removeprefix(_CODE) for name, of in mart.columns.items() if of.unit.startswith(_CODE)}  # fmt: skip
    names = rows.with_columns(
        pl.col(name).replace_strict(_names(listed, version), default=None, return_dtype=pl.String).str.replace_all("_", " ")
        for name, listed in coded.items()
    )  # fmt: skip
    money = [name for name, of in mart.columns.items() if of.unit == _MONEY]
    return names.with_columns(amounts(*money)) if "currency" in mart.columns else names


def _names(listed: str, version: int) -> dict[int, str]:
    """Names by code of a list."""
    if listed in _ENUMS:
        return {each.value: each.name.lower() for each in _ENUMS[listed]}
    return dict(data.plain(f"SELECT code, name FROM {listed}", version).rows())


def draw() -> None:
    """Draw one mart for the clocks of the URL."""
    clocks = head("Marts", data.ledger())
    if clocks is None:
        return
    by_name = {mart.name: mart for mart in MARTS}
    name = st.selectbox("Mart", list(by_name), key="mart", bind="query-params", width=320)
    mart = by_name[name or MARTS[0].name]
    rows = data.mart(mart.name, clocks.as_of, clocks.known_at)
    st.caption(f"{mart.meaning} Files have minor units, and codes as in docs/reference.md.")
    token = f"{clocks.as_of}|{clocks.known_at}|{mart.name}"
    if rows.is_empty():
        st.info("The mart has no rows of this date; `loanbook marts` brings it up to date.")
        done(token)
        return
    shown = rows.head(_MOST)
    show_rows(
        named(shown, mart, clocks.known_at), height=420,
        column_config={column: _column(column, of) for column, of in mart.columns.items()},
    )  # fmt: skip
    if rows.height > _MOST:
        st.caption(f"The first {_MOST:,} of {rows.height:,} rows; a file has all.")
    about = {"what": mart.meaning, "as of": str(clocks.as_of), "version": str(clocks.known_at)}
    downloads(lambda: rows, about, f"{mart.name}_{clocks.as_of}_v{clocks.known_at}", mart.name)
    done(token)


PAGE = Page("marts", "Marts", ":material/table_view:", "Ledger", draw)
