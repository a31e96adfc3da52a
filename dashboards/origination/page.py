"""Applications: the funnel, what waits and for how long, the queue, and one case."""

from __future__ import annotations

import datetime as dt

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from loanbook.core.origination.case import AGES, CASE_EVENTS, EVENTS, FINAL, ageing, funnel
from loanbook.core.store.origination.reading import EVENTS as STORED
from loanbook.core.store.origination.reading import QUEUE, case_of
from loanbook.dashboards import data
from loanbook.dashboards.charts.flows import name_above
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.origination import case, screening, underwriting
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import done, downloads, picked_row
from loanbook.dashboards.parts.head import Clocks, head
from loanbook.dashboards.parts.table import amounts, in_words, show_rows, titled
from loanbook.dashboards.theme import CONFIG, layout, palette

KINDS = ("All", "Left to a person")
MOST = 1_000
"""Rows of the queue that are drawn; the export has all."""


def page() -> None:
    """Draw the page for the clocks of the URL."""
    clocks = head("Applications", data.ledger())
    if clocks is not None:
        _body(clocks)


def _body(clocks: Clocks) -> None:
    query, on = data.ledger().query, clocks.as_of
    events = query(STORED.replace("{lake}", "")).cast(CASE_EVENTS)
    # of the date and before: what happened later was not known then
    events = events.filter(pl.col("happened_at").dt.date() <= on)
    if events.is_empty():
        st.info(
            f"No application was taken in by {day(on)}. Land a file `applications_DATE.csv` (docs/guide/origination.md)."
        )
        done("applications|none")
        return
    rows = _queue(events, on)
    token = f"{clocks.known_at}|{on}|applications"
    stages = funnel(events)
    _figures(stages, rows)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.subheader(
            "Funnel",
            anchor=False,
            help="Cases that were ever in a state, and those that are in it now.",
        )
        st.plotly_chart(_funnel(stages, token), theme=None, config=CONFIG, key="funnel")
    with right.container(border=True, height="stretch"):
        st.subheader(
            "Waiting",
            anchor=False,
            help="How long cases that wait for somebody have been in their state.",
        )
        waits = ageing(events, on)
        if waits.height:
            st.plotly_chart(_ages(waits, token), theme=None, config=CONFIG, key="waiting")
        else:
            st.success("No case waits.", icon=":material/check_circle:")
    chosen = _pick(rows, on)
    if chosen:
        with st.container(border=True):
            told = case_of(data.ledger(), chosen)
            case.draw(told, on)
            if told is not None:
                screening.draw(told["application"]["application_id"], on)
                underwriting.draw(told)
    done(f"{token}|{chosen or ''}")


def _queue(events: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """Applications of the date and before with the state that they were in then, those that wait first."""
    leads = {name: each.to for name, each in EVENTS.items()}
    stands = (
        events.sort("event_no").group_by("application_id")
        .agg(pl.col("event").last(), since=pl.col("happened_at").last())
        .with_columns(state=pl.col("event").replace_strict(leads, default=None, return_dtype=pl.String))
    )  # fmt: skip
    told = data.ledger().query(QUEUE, {"partner": None, "on": on}).drop("event", "since")
    waits = pl.col("state").is_in([*FINAL, "approved", "signed"])
    return told.join(stands.drop("event"), on="application_id").sort(
        waits, "since", "application_id"
    )


def _figures(stages: pl.DataFrame, rows: pl.DataFrame) -> None:
    now = dict(stages.select("state", "now").rows())
    decided = rows.filter(pl.col("outcome").is_in(["approved", "rejected"]))
    approved = decided.filter(pl.col("outcome") == "approved").height
    with st.container(horizontal=True):
        st.metric("Applications", count(rows.height), border=True)
        st.metric("In review", count(now["in_review"]), border=True, help="Referred to a person.")
        st.metric("Need more information", count(now["need_more_information"]), border=True,
                  help="An input of the decision is missing; it is decided anew when it comes.")  # fmt: skip
        share = f"{100 * approved / decided.height:.1f} %" if decided.height else "–"
        st.metric(
            "Approved of decided",
            share,
            border=True,
            help="Approved over approved and rejected, by the last decision.",
        )


def _funnel(stages: pl.DataFrame, token: str) -> go.Figure:
    colours = palette()
    shown = stages.filter(pl.col("reached") > 0)
    names = [state.replace("_", " ") for state in shown["state"]]
    figure = go.Figure(
        [
            go.Bar(name="ever", y=names, x=shown["reached"].to_list(), orientation="h", marker={"color": colours.sequence[5]},
                   hovertemplate="%{x:,} cases ever<extra></extra>"),
            go.Bar(name="now", y=names, x=shown["now"].to_list(), orientation="h", marker={"color": colours.accent},
                   hovertemplate="%{x:,} cases now<extra></extra>"),
        ]
    )  # fmt: skip
    figure.update_layout(
        layout(colours, token, hovermode="closest", margin={"t": 32}, xaxis={"tickformat": ",d"},
               yaxis={"type": "category", "autorange": "reversed"})
    )  # fmt: skip
    name_above(
        figure,
        [("ever in the state", colours.sequence[5], "■"), ("in it now", colours.accent, "■")],
    )
    return figure


def _ages(waits: pl.DataFrame, token: str) -> go.Figure:
    colours = palette()
    names = [name for _, name in AGES]
    figure = go.Figure()
    series = []
    for place, (state,) in enumerate(waits.select("state").unique(maintain_order=True).rows()):
        held = dict(waits.filter(pl.col("state") == state).select("age", "cases").rows())
        name, colour = (
            str(state).replace("_", " "),
            colours.categories[place % len(colours.categories)],
        )
        series.append((name, colour, "■"))
        figure.add_bar(
            name=name, x=names, y=[held.get(name, 0) for name in names],
            marker={"color": colour}, hovertemplate="%{y:,} cases<extra>" + name + "</extra>",
        )  # fmt: skip
    figure.update_layout(
        layout(
            colours, token, margin={"t": 32}, xaxis={"type": "category"}, yaxis={"tickformat": ",d"}
        )
    )
    name_above(figure, series)
    return figure


def _pick(rows: pl.DataFrame, on: dt.date) -> str | None:
    """The queue; the case that was chosen in it."""
    st.subheader(
        "Queue",
        anchor=False,
        help="Those that wait first, the oldest at the top; choose a row for its case.",
    )
    kind = (
        st.segmented_control("Show", KINDS, default=KINDS[0], key="show", bind="query-params")
        or KINDS[0]
    )
    if kind == KINDS[1]:
        rows = rows.filter(
            pl.col("state").is_in(["in_review", "need_more_information"])
            & (pl.col("by_policy") == "referred")
        )
    shown = rows.with_columns(*amounts("amount", "approved"), *in_words("state", "outcome", "reasons", "missing")).select(
        "application_id", "state", "since", "product", "amount", "currency", "term", "outcome", "grade", "points", "approved",
        "reasons", "missing", "decided_by",
    )  # fmt: skip
    picked = show_rows(
        shown.head(MOST),
        key="queue",
        on_select="rerun",
        selection_mode="single-row",
        column_config=titled(shown, application_id="Application", outcome="Decision"),
    )
    if rows.height > MOST:
        st.caption(f"The first {MOST:,} of {rows.height:,}; the export has all.")
    about = {"what": "Applications and what became of them", "date": str(on)}
    downloads(lambda: rows, about, f"applications_{on}", "applications")
    named = st.text_input("Case of the application", key="case", bind="query-params", width=420,
                          placeholder="PARTNER/REFERENCE", help="A row that is chosen above comes first.").strip()  # fmt: skip
    chosen = picked_row(picked, shown)
    return str(chosen["application_id"]) if chosen else named or None


PAGE = Page("applications", "Applications", ":material/assignment:", "Origination", page)
