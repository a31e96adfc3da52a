"""A card: heading with its definition, a figure or table, and below a menu with the query and the exports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from loanbook.core.contract.money import EXPONENT
from loanbook.core.reporting.metrics import Metric
from loanbook.core.store.segments.question import Question
from loanbook.dashboards.parts import exports
from loanbook.dashboards.parts.scope import Scope
from loanbook.dashboards.people.viewer import EXPORT, exported_by, viewer
from loanbook.dashboards.theme import CONFIG


@dataclass(frozen=True)
class Shown:
    """What stands behind a card: rows that can be taken along, and the questions that they come of."""

    name: str
    rows: pl.DataFrame
    questions: Sequence[Question]
    money: Sequence[str] = ()
    """Columns in minor units: exported in units of the currency, with the minor units beside."""


def heading(scope: Scope, title: str, metric: Metric | None, shown: Shown) -> None:
    """The card's heading, with the definition as help and the menu at its end."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            title, anchor=False, help=metric.definition if metric else None, width="stretch"
        )
        menu(scope, metric, shown)


def menu(scope: Scope, metric: Metric | None, shown: Shown) -> None:
    """Exports of what is seen, and the query behind it."""
    with st.popover("", icon=":material/more_vert:", help="Exports and the query"):
        about = {
            "what": metric.definition if metric else shown.name,
            "filters": scope.token.rsplit("|", 1)[1] or "none",
            "currency": scope.currency, "as of": scope.clocks.as_of.isoformat(),
            "version": str(scope.clocks.known_at),
            "rows": str(shown.rows.height),
        }  # fmt: skip
        file = f"{shown.name}_{scope.currency}_{scope.clocks.as_of}_v{scope.clocks.known_at}"
        downloads(partial(exported, shown, scope.currency), about, file, shown.name)
        for place, question in enumerate(shown.questions):
            st.caption(f"Show SQL{f', part {place + 1}' if len(shown.questions) > 1 else ''}")
            st.code(question.text, language="sql", height=180)
            st.caption("The same in Python")
            st.code(question.python, language="python", height=120)


def downloads(
    rows: Callable[[], pl.DataFrame], about: Mapping[str, str], file: str, name: str
) -> None:
    """A button for each kind of export of rows; `name` tells the buttons of a page apart.

    The rows are made when a file is asked for: a page draws many menus, and few are opened. Then it is asked again
    whether who looks may take them, and the trail is told.
    """
    who = viewer()
    if why := who.may(EXPORT).why:
        st.caption(f"No export: {why}.")
        return

    def made(kind: str, make: Callable[[pl.DataFrame, Mapping[str, str]], bytes]) -> bytes:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        found = rows()
        told = {**about, "rows": str(found.height), "made at": now, "made for": who.actor.name}
        exported_by(who, name, {**told, "as": kind})
        return make(found, told)

    with st.container(horizontal=True):
        for kind, make in exports.KINDS.items():
            st.download_button(
                kind, partial(made, kind, make), f"{file}.{kind.lower()}", key=f"{name} {kind}", on_click="ignore",
            )  # fmt: skip


def exported(shown: Shown, currency: str) -> pl.DataFrame:
    """The rows as they are taken along: money in units with its currency's decimals, minor units beside."""
    units = pl.Decimal(38, EXPONENT[currency])
    one = pl.lit(Decimal(1).scaleb(-EXPONENT[currency]), dtype=units)
    columns: list[pl.Expr] = []
    for name in shown.rows.columns:
        if name in shown.money:
            whole = pl.col(name).cast(pl.Float64).round(0).cast(pl.Int64)
            columns += [
                (whole.cast(units) * one).cast(units).alias(name),
                whole.alias(f"{name}_minor"),
            ]
        else:
            columns.append(pl.col(name))
    return shown.rows.select(columns).with_columns(currency=pl.lit(currency))


def chart(
    scope: Scope,
    figure: go.Figure,
    title: str,
    metric: Metric | None,
    shown: Shown,
    *,
    note: str = "",
) -> object:
    """A chart in its card; returns what was clicked of it."""
    heading(scope, title, metric, shown)
    picked = st.plotly_chart(
        figure, theme=None, config=CONFIG, key=shown.name, on_select="rerun", selection_mode="points",
        alt=f"{title}. {metric.definition if metric else ''}",
    )  # fmt: skip
    printed = (
        ""
        if metric is None
        else metric.numerator + (f" ÷ {metric.denominator}" if metric.denominator else "")
    )
    lines = [line for line in (printed, note) if line]
    if lines:
        st.caption(f"{'. '.join(lines)}. {scope.currency}.")
    return picked


def clicked(picked: object) -> dict[str, object] | None:
    """The point that was clicked last; None: none is."""
    points = getattr(getattr(picked, "selection", None), "points", None) or []
    return dict(points[-1]) if points else None


def figures(scope: Scope, rows: Sequence[tuple[Metric | str, str, str | None]]) -> None:
    """A row of figures: each its metric or title, value, and a word on it."""
    columns = st.columns(len(rows), gap="small")
    for column, (metric, value, word) in zip(columns, rows, strict=True):
        with column:
            st.metric(
                metric.title if isinstance(metric, Metric) else metric, value, word,
                help=metric.definition if isinstance(metric, Metric) else None,
                delta_color="off", delta_arrow="off", border=True, height="stretch",
            )  # fmt: skip


def done(token: str) -> None:
    """A hidden mark by which a browser test knows that this state of the page is complete."""
    safe = token.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")
    st.html(f"<span data-testid='done' data-token='{safe}' style='display:none'></span>")


def money_column(title: str, currency: str) -> Any:
    """How a column of money is shown: units, with the currency's decimals."""
    return st.column_config.NumberColumn(f"{title}, {currency}", format=f"%,.{EXPONENT[currency]}f")


def share_column(title: str) -> Any:
    """How a column of shares is shown, in per cent (of a hundred)."""
    return st.column_config.NumberColumn(title, format="%.2f %%")


def count_column(title: str) -> Any:
    """How a column of whole numbers is shown."""
    return st.column_config.NumberColumn(title, format="localized")


def date_column(title: str) -> Any:
    """How a column of dates is shown: 31 Oct 2026."""
    return st.column_config.DateColumn(title, format="D MMM YYYY")


def time_column(title: str, *, seconds: bool = False) -> Any:
    """How a column of instants is shown, in UTC."""
    return st.column_config.DatetimeColumn(
        f"{title}, UTC", format=f"D MMM YYYY, HH:mm{':ss' if seconds else ''}"
    )


def picked_row(event: object, rows: pl.DataFrame) -> dict[str, Any] | None:
    """The row of a table that was chosen; None: none is, or the rows are others by now."""
    places = getattr(getattr(event, "selection", None), "rows", None) or []
    return rows.row(places[0], named=True) if places and places[0] < rows.height else None


def in_units(rows: pl.DataFrame, columns: Sequence[str], currency: str) -> pl.DataFrame:
    """Money of a table in units of the currency, for showing."""
    return rows.with_columns(
        pl.col(name).cast(pl.Float64) / 10 ** EXPONENT[currency] for name in columns
    )
