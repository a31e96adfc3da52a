"""Alerts: what is unusual, waits too long or came close to a breach, each with the rows that it is made of."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.reporting.alerts.alerts import CHECKS, Alerts
from loanbook.dashboards import data
from loanbook.dashboards.formats import count
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import Shown, done, figures, heading, picked_row
from loanbook.dashboards.parts.scope import page_scope
from loanbook.dashboards.parts.table import show_rows, titled
from loanbook.pipelines.alerts.gathering import found_on

_NAMED = ["check", "rule", "dimension", "of"]


@st.cache_data(max_entries=64, show_spinner=False)
def _found(on: dt.date, state: int, key: str) -> Alerts:
    return found_on(data.ledger(), data.stored_policies(), on)


def draw() -> None:
    """Draw the page for the date of the URL; contacts and banks' entries are those known now."""
    scope = page_scope("Alerts", "nothing")
    if scope is None:
        return
    found = _found(scope.clocks.as_of, data.state(), data.key())
    by = {name: found.findings.filter(pl.col("check") == name).height for name in CHECKS}
    figures(
        scope,
        [(name.replace("_", " ").capitalize(), count(number), None) for name, number in by.items()],
    )
    with st.container(border=True):
        heading(scope, "Alerts", None, Shown("alerts", found.findings, []))
        if found.findings.is_empty():
            st.info("Nothing is beyond the policy `alert_rules`.")
            done(scope.token)
            return
        table = found.findings.select(*_NAMED, "measure", "why")
        picked = picked_row(
            show_rows(
                table.with_columns(pl.col("check", "rule").str.replace_all("_", " ")), column_config=titled(table),
                on_select="rerun", selection_mode="single-row", key="alert",
            ),
            table,
        )  # fmt: skip
        st.caption("No alert is a proof. Choose one to see the rows that it is made of.")
    evidence = found.evidence
    if picked:
        evidence = evidence.filter(pl.col(name) == picked[name] for name in _NAMED)
    with st.container(border=True):
        heading(scope, "Evidence", None, Shown("evidence", evidence, []))
        filled = evidence.select(
            n for n in evidence.columns if evidence[n].null_count() < evidence.height
        )
        show_rows(filled, column_config=titled(filled))
    done(scope.token)


PAGE = Page("alerts", "Alerts", ":material/notifications:", "Ledger", draw)
