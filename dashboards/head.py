"""The head of every page: title, state of the ledger, and the two clocks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl
import streamlit as st

from loanbook.core.store.reader import LedgerReader
from loanbook.dashboards.data import last_state, published_on
from loanbook.dashboards.formats import day


@dataclass(frozen=True)
class Clocks:
    """What the reader looks at: a business date, as known at a version."""

    as_of: dt.date
    version: int
    """The version that closed the date."""
    known_at: int
    """What was said up to this version counts, restatements of the date among it."""
    latest: bool


def head(title: str, reader: LedgerReader) -> Clocks | None:
    """Draw the head; None where nothing is published, which is said."""
    published = published_on(reader)
    wanted = st.query_params.get("as_of", "")  # before the widget clears what it can't show
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, anchor=False, width="stretch")
        if published.is_empty():
            st.badge("Not published", icon=":material/schedule:", color="gray")
            _nothing()
            return None
        state, last = last_state(reader)
        chosen = _chosen(published)
        if state == "rejected":
            st.badge(f"Late: {day(last)} is the last", icon=":material/warning:", color="orange")
        else:
            settled = published["settled_at"][-1]
            st.badge(
                f"Published {day(settled.date())}, {settled:%H:%M}",
                icon=":material/check_circle:",
                color="green",
            )
        if chosen is None:
            label = "Choose a date"
        else:
            label = f"As of {day(chosen.as_of)} · version {chosen.version}"
            if chosen.known_at != chosen.version:
                label += f", known at {chosen.known_at}"
        with st.popover(label, icon=":material/calendar_today:"):
            _choose(published)
    if chosen is None:
        st.info(f"Not published: {wanted}. The last published date is {day(last)}.")
    return chosen


def _nothing() -> None:
    st.info("Nothing is published yet. Run `make run`, then reload this page.")


def _chosen(published: pl.DataFrame) -> Clocks | None:
    """The clocks that the URL names; the newest version where it names none."""
    newest = published.row(-1, named=True)
    wanted = st.query_params.get("as_of")
    if not wanted:
        return Clocks(newest["business_date"], newest["version"], newest["version"], latest=True)
    try:
        as_of = dt.date.fromisoformat(wanted)
        known_at = int(st.query_params.get("version", newest["version"]))
    except ValueError:
        return None
    found = published.filter((pl.col("business_date") == as_of) & (pl.col("version") <= known_at))
    if found.is_empty():
        return None
    return Clocks(as_of, int(found["version"].max()), known_at, latest=False)  # type: ignore[arg-type]


def _choose(published: pl.DataFrame) -> None:
    newest = published.row(-1, named=True)
    days: list[dt.date] = published["business_date"].sort().to_list()
    st.date_input(
        "Business date",
        value=days[-1],
        min_value=days[0],
        max_value=days[-1],
        key="as_of",
        bind="query-params",
        help="The date the figures are about.",
    )
    st.number_input(
        "Known at version",
        min_value=1,
        max_value=newest["version"],
        value=newest["version"],
        key="version",
        bind="query-params",
        help="What was said then: later versions are ignored.",
    )
