"""System health: how fresh the ledger is, its runs and gaps, and whether marts tie to it."""

from __future__ import annotations

import datetime as dt
import time

import polars as pl
import streamlit as st

from loanbook.core.store.marts import MARTS
from loanbook.core.store.marts.ties import TIED, untied
from loanbook.core.store.segments.question import Question
from loanbook.dashboards import data
from loanbook.dashboards.formats import MISSING, count, day
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import (
    Shown,
    count_column,
    date_column,
    done,
    figures,
    heading,
    time_column,
)
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import show_rows, titled

_RUNS = """
    SELECT v.run_id, min(v.business_date) AS first_date, max(v.business_date) AS last_date, count(*)::BIGINT AS dates,
           max(v.positions) AS loans, sum(v.transfers)::BIGINT AS transfers, any_value(v.actor) AS actor,
           min(v.committed_at) AS began, max(p.settled_at) AS published
    FROM versions v JOIN publications p ON p.version = v.version AND p.state = 'published'
    WHERE v.version <= $known GROUP BY v.run_id ORDER BY published DESC LIMIT 50
"""
_STATES = """
    SELECT p.version, p.state, p.reason, p.actor, p.settled_at FROM publications p
    WHERE p.state <> 'published' ORDER BY p.settled_at DESC LIMIT 50
"""
_GAPS = """
    SELECT version + 1 AS first, following - 1 AS last FROM (
        SELECT version, lead(version) OVER (ORDER BY version) AS following FROM versions) WHERE following > version + 1
"""
_DATES = "SELECT count(DISTINCT business_date)::BIGINT AS dates, min(business_date) AS first, max(business_date) AS last FROM versions"


def draw() -> None:
    """Draw the page for the clocks of the URL."""
    begun = time.perf_counter()
    scope = page_scope("System health", "nothing")
    if scope is None:
        return
    asked = Question(_RUNS, {"known": scope.clocks.known_at})
    runs = scope.ask(asked)
    dates = data.plain(_DATES, scope.clocks.known_at).row(0, named=True)
    missing = (dates["last"] - dates["first"]).days + 1 - dates["dates"]
    last = runs["published"][0] if runs.height else None
    age = dt.datetime.now(dt.UTC).replace(tzinfo=None) - last if last else None
    figures(scope, [
        ("Last business date", day(dates["last"]), f"{count(dates['dates'])} dates"),
        ("Published", day(last.date()) if last else MISSING, f"{last:%H:%M} UTC, {age.total_seconds() / 3600:,.1f} h ago" if last and age else None),
        ("Dates without a version", count(missing), "within the range"),
        ("Loans", count(int(runs["loans"][0])) if runs.height else MISSING, "positions of the last run"),
    ])  # fmt: skip
    with st.container(border=True):
        heading(scope, "Runs", None, Shown("runs", runs, [asked]))
        seconds = (pl.col("published") - pl.col("began")).dt.total_milliseconds() / 1000
        show_rows(runs.with_columns(seconds=seconds), column_config={
            "run_id": "Run", "first_date": date_column("From"), "last_date": date_column("To"), "dates": "Dates", "loans": count_column("Loans"),
            "transfers": count_column("Transfers"), "actor": "By",
            "began": time_column("First commit", seconds=True),
            "published": time_column("Published", seconds=True),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f")})  # fmt: skip
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _versions(scope)
    with right.container(border=True, height="stretch"):
        _marts(scope)
    st.caption(f"This page took {1000 * (time.perf_counter() - begun):,.0f} ms to make.")
    done(scope.token)


def _versions(scope: Scope) -> None:
    states = data.plain(_STATES, scope.clocks.known_at)
    gaps = data.plain(_GAPS, scope.clocks.known_at)
    st.subheader("Versions that readers don't see", anchor=False)
    if states.is_empty() and gaps.is_empty():
        st.info("None: every version that was numbered is published.")
        return
    if states.height:
        show_rows(states, column_config=titled(states) | {"settled_at": time_column("Settled")})
    if gaps.height:
        told = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in gaps.rows())
        st.caption(f"Numbers that no published version has: {told}.")


def _marts(scope: Scope) -> None:
    """How far each mart is, and whether it ties to the general ledger."""
    newest = int(data.published_on(data.ledger())["version"][-1])
    tied = _ties(newest, data.key())
    rows = []
    for mart in MARTS:
        filled = data.plain(
            f"SELECT count(*)::BIGINT AS n, max(business_date) AS last FROM {mart.name}", newest
        ).row(0)
        ties = {True: "✓ ties", False: "✗ differs", None: "nothing to tie to"}[tied.get(mart.name)]
        rows.append({"mart": mart.name, "rows": filled[0], "last": filled[1], "ledger": ties})
    st.subheader(
        "Marts", anchor=False, help="Sums of marts beside the balances of the general ledger."
    )
    show_rows(pl.DataFrame(rows, schema={"mart": pl.String, "rows": pl.Int64, "last": pl.Date, "ledger": pl.String}), 
                 column_config={"mart": "Mart", "rows": count_column("Rows"), "last": date_column("Last date"), "ledger": "General ledger"})  # fmt: skip


@st.cache_data(max_entries=8, show_spinner=False)
def _ties(version: int, key: str) -> dict[str, bool]:
    have = {
        name for name in TIED if data.ledger().query(f"SELECT count(*) AS n FROM {name}")["n"][0]
    }
    return {name: untied(data.ledger().lake(), name).is_empty() for name in TIED if name in have}


PAGE = Page(
    "system-health",
    "System health",
    ":material/monitor_heart:",
    "Ledger",
    draw,
)
