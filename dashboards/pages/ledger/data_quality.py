"""Data quality: every check by date, what was quarantined and why, which loans are held."""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.store.segments.question import Question
from loanbook.core.words import counted
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import Shown, done, figures, heading, time_column
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import show_rows, titled

DAYS = 14
"""Dates that the grid shows, the last ones."""
_CHECKS = f"""
    SELECT c.business_date, c.suite, c.name, bool_and(c.passed) AS passed, sum(c.broken)::BIGINT AS broken, any_value(c.figures) AS figures
    FROM checks c WHERE c.version <= $known AND c.business_date <= $on AND c.business_date > $on::DATE - {DAYS}
    GROUP BY ALL ORDER BY c.suite, c.name, c.business_date
"""
_RULES = """
    SELECT q.rule, q.kind, count(*)::BIGINT AS rows, count(DISTINCT q.file_id)::BIGINT AS files, max(q.recorded_at) AS last,
           any_value(q.name) AS in_file, any_value(q.line) AS line
    FROM quarantine q GROUP BY q.rule, q.kind ORDER BY rows DESC, q.rule
"""
_FILES = """
    SELECT f.name, f.kind, f.state, f.business_date, f.rows_in, f.accepted, f.quarantined, f.duplicates, f.reason
    FROM files f WHERE f.state <> 'taken' OR f.quarantined > 0 ORDER BY f.recorded_at DESC LIMIT 200
"""


def draw() -> None:
    """Draw the page for the clocks of the URL."""
    scope = page_scope("Data quality", "nothing")
    if scope is None:
        return
    checks = Question(_CHECKS, {"on": scope.clocks.as_of, "known": scope.clocks.known_at})
    rules, files = Question(_RULES), Question(_FILES)
    rows, bad, late = (scope.ask(q) for q in (checks, rules, files))
    held = data.held(scope.clocks.as_of, scope.clocks.known_at)
    failed = rows.filter(~pl.col("passed"))
    figures(scope, [
        ("Checks", count(rows.n_unique(["suite", "name"])) if rows.height else "0", f"last {DAYS} dates"),
        ("Failed", count(failed.height), "none" if failed.is_empty() else day(failed["business_date"].max())),  # type: ignore[arg-type]
        ("Rows in quarantine", count(int(bad["rows"].sum())), counted(bad.height, 'rule')),
        ("Held loans", count(held.height), "at their last good positions"),
    ])  # fmt: skip
    with st.container(border=True):
        _grid(scope, rows, checks)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        heading(scope, "Quarantine by rule", None, Shown("quarantine", bad, [rules]))
        if bad.is_empty():
            st.info("Every row that came was taken in.")
        else:
            show_rows(bad.with_columns(pl.col("rule").str.replace_all("_", " ")), column_config={
                "rule": "Rule", "kind": "Kind", "rows": "Rows", "files": "Files", "last": time_column("Last"),
                "in_file": "For one", "line": "Line"})  # fmt: skip
    with right.container(border=True, height="stretch"):
        heading(scope, "Files with trouble", None, Shown("files", late, [files]))
        if late.is_empty():
            st.info("Every file was taken in whole.")
        else:
            show_rows(late, column_config=titled(late))
    if held.height:
        with st.container(border=True):
            heading(scope, "Held loans", None, Shown("held", held, []))
            show_rows(held.drop("loan_id"), column_config=titled(held))
    done(scope.token)


def _grid(scope: Scope, rows: pl.DataFrame, asked: Question) -> None:
    """Checks × dates: a sign in each cell, so that colour says nothing alone."""
    heading(scope, "Checks by date", None, Shown("checks", rows, [asked]))
    if rows.is_empty():
        st.info("No check is recorded of these dates.")
        return
    sign = pl.when("passed").then(pl.lit("✓")).otherwise(pl.format("✗ {}", "broken"))
    wide = (
        rows.with_columns(sign=sign, on=pl.col("business_date").dt.strftime("%d %b"),
                          check=pl.col("name").str.replace_all("[_:]", " "), suite=pl.col("suite").str.replace_all("_", " "))
        .sort("business_date").pivot("on", index=["suite", "check"], values="sign", aggregate_function="first")
        .sort("suite", "check")
    )  # fmt: skip
    show_rows(
        wide,
        height="content",
        column_config={
            "suite": "Suite",
            "check": st.column_config.TextColumn("Check", width="medium"),
        },
    )
    st.caption(
        "✓ passed; ✗ failed, with the rows that broke it. A version is published only where all blocking checks passed."
    )


PAGE = Page("data-quality", "Data quality", ":material/fact_check:", "Ledger", draw)
