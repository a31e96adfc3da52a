"""The head of every page: title, state of the ledger, and the two clocks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl
import streamlit as st

from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.store.reader import LedgerReader
from loanbook.dashboards.data import last_state, published_on
from loanbook.dashboards.formats import day
from loanbook.dashboards.parts.finder import finder, saved_views


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
                f"Published {day(settled.date())}, {settled:%H:%M} UTC",
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
        finder()
        saved_views(reader.settings.home)
    if chosen is None:
        st.info(_why_not(published, wanted, last))
    return chosen


def _nothing() -> None:
    st.info(
        "Nothing is published yet. Run `loanbook run` in the instance's folder, then reload this page."
    )


def _why_not(published: pl.DataFrame, wanted: str, last: dt.date | None) -> str:
    """Why a date and a version have no figures, and what to ask instead."""
    closed = published.filter(pl.col("business_date").cast(pl.String) == wanted)
    known = st.query_params.get("version", "")
    if closed.height:
        row = closed.row(0, named=True)
        return (
            f"{day(row['business_date'])} was not known yet at {known}: version {row['version']} closed it, published "
            f"{row['settled_at']:%Y-%m-%d %H:%M} UTC. Take a later version, or none."
        )
    return f"Not published: {wanted or known or 'such a version'}. The last published date is {day(last)}."


def _chosen(published: pl.DataFrame) -> Clocks | None:
    """The clocks that the URL names: of a version without a date its own, of neither the newest."""
    newest = published.row(-1, named=True)
    wanted = st.query_params.get("as_of")
    try:
        as_of = from_iso(wanted) if wanted else None
        known_at = _known_at(published)
    except ValueError:
        return None
    found = published.filter(pl.col("version") <= known_at)
    if as_of is not None:
        found = found.filter(pl.col("business_date") == as_of)
    if found.is_empty():
        return None
    last = found.row(-1, named=True)
    latest = as_of is None and known_at >= newest["version"]
    return Clocks(last["business_date"], last["version"], known_at, latest=latest)


def _known_at(published: pl.DataFrame) -> int:
    """The version that is believed: of the URL's `version`, a number, or by an instant of `known_on`. ValueError: neither."""
    newest = int(published["version"][-1])
    instant = st.query_params.get("known_on")
    if instant and "version" not in st.query_params:
        end = dt.datetime.combine(from_iso(instant), dt.time.max)
        by_then = published.filter(pl.col("settled_at") <= end)
        return int(by_then["version"].max() or 0)  # type: ignore[arg-type]
    return min(int(st.query_params.get("version", newest)), newest)


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
    st.date_input(
        "Or known by the end of", value=None, key="known_on", bind="query-params",
        min_value=published["settled_at"][0].date(), max_value=published["settled_at"][-1].date(),
        help="The last version that was published by then, UTC. A version above wins.",
    )  # fmt: skip
