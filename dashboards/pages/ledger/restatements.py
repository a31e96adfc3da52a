"""Restatements: what was said of a date, what is said now, and which loans and events made the difference."""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.store.marts.portfolio_daily import OVERDUE
from loanbook.core.store.segments.question import Question
from loanbook.dashboards import data
from loanbook.dashboards.charts.flows import bridge
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.card import (
    Shown,
    chart,
    done,
    figures,
    heading,
    in_units,
    money_column,
    picked_row,
)
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import palette

_LOANS = "JOIN loan_keys l ON l.loan_id = p.loan_id WHERE l.currency = $currency"
_SIDES = f"""
    SELECT 'then' AS side, p.loan_id, p.principal, p.interest_accrued, {OVERDUE} AS due, p.credit, p.days_past_due
    FROM (SELECT * FROM positions_at($on, $one)) p {_LOANS}
    UNION ALL
    SELECT 'now', p.loan_id, p.principal, p.interest_accrued, {OVERDUE}, p.credit, p.days_past_due
    FROM (SELECT * FROM positions_at($on, $other)) p {_LOANS}
"""
_COMPARED = f"""
    WITH sides AS ({_SIDES})
    SELECT coalesce(n.loan_id, t.loan_id) AS loan_id, k.loan_key,
           t.principal AS principal_then, n.principal AS principal_now,
           t.interest_accrued AS interest_then, n.interest_accrued AS interest_now, t.due AS due_then, n.due AS due_now,
           t.credit AS credit_then, n.credit AS credit_now, t.days_past_due AS days_then, n.days_past_due AS days_now
    FROM (SELECT * FROM sides WHERE side = 'then') t FULL JOIN (SELECT * FROM sides WHERE side = 'now') n ON n.loan_id = t.loan_id
    JOIN loan_keys k ON k.loan_id = coalesce(n.loan_id, t.loan_id)
    WHERE t.principal IS DISTINCT FROM n.principal OR t.interest_accrued IS DISTINCT FROM n.interest_accrued
       OR t.due IS DISTINCT FROM n.due OR t.credit IS DISTINCT FROM n.credit OR t.days_past_due IS DISTINCT FROM n.days_past_due
    ORDER BY abs(coalesce(n.principal, 0) - coalesce(t.principal, 0)) + abs(coalesce(n.due, 0) - coalesce(t.due, 0)) DESC, 1
"""
_WHOLE = f"SELECT side, sum(principal)::BIGINT AS principal, count(*) AS loans FROM ({_SIDES}) GROUP BY side"
PARTS = ("principal", "interest", "due", "credit")
_CAUSES = """
    SELECT e.event_id, e.loan_id, k.name AS kind, e.value_date, e.booking_date, e.amount, e.reason, e.actor, e.checker
    FROM events e JOIN event_kinds k ON k.code = e.kind WHERE e.event_id IN (SELECT unnest($ids)) ORDER BY e.event_id LIMIT 500
"""


def draw() -> None:
    """Draw the page for the clocks of the URL."""
    scope = page_scope("Restatements", "currency")
    if scope is None:
        return
    told = data.ledger().restatements().filter(pl.col("version") <= scope.clocks.known_at)
    of_date = told.filter(
        (pl.col("first_date") <= scope.clocks.as_of) & (pl.col("last_date") >= scope.clocks.as_of)
    )
    _figures(scope, told, of_date)
    versions = sorted({scope.clocks.version, *of_date["version"].to_list()})
    if len(versions) > 1:
        _compared(scope, versions)
    else:
        st.info(
            f"What was said of {day(scope.clocks.as_of)} was never restated, as known at version {scope.clocks.known_at}."
        )
    _all(scope, told)
    done(scope.token)


def _figures(scope: Scope, told: pl.DataFrame, of_date: pl.DataFrame) -> None:
    figures(scope, [
        ("Restating versions", count(told.height), "of all dates"),
        ("Of this date", count(of_date.height), day(scope.clocks.as_of)),
        ("Loans restated", count(len({i for ids in told["loan_ids"] for i in ids})), "once or more"),
        ("Late events", count(len({i for ids in told["event_ids"] for i in ids})), "backdated or reversed"),
    ])  # fmt: skip


def _compared(scope: Scope, versions: list[int]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        one = st.selectbox(
            "Said at version", versions[:-1], key="said_at", bind="query-params", width=160
        )
        later = [v for v in versions if v > (one or versions[0])]
        other = st.selectbox(
            "And at version", later[::-1], key="and_at", bind="query-params", width=160
        )
    bound = {
        "on": scope.clocks.as_of,
        "one": one or versions[0],
        "other": other or versions[-1],
        "currency": scope.segment.currency,
    }
    asked, whole = Question(_COMPARED, bound), Question(_WHOLE, bound)
    rows = scope.ask(asked)
    sums = {r["side"]: r["principal"] or 0 for r in scope.ask(whole).to_dicts()}
    causes = _by_cause(scope, rows, one or versions[0], other or versions[-1])
    steps = [
        (f"said at {bound['one']}", sums.get("then", 0)),
        *causes,
        (f"said at {bound['other']}", sums.get("now", 0)),
    ]
    money = tuple(f"{p}_{s}" for p in PARTS for s in ("then", "now"))
    with st.container(border=True):
        chart(scope, bridge(steps, scope.currency, palette(), f"{scope.token}|{one}|{other}"),
              f"Principal of {day(scope.clocks.as_of)}, as said at two versions", None,
              Shown("restated", rows, [asked, whole], money),
              note="Each loan's difference stands under the kind of late event that made the version give it anew")  # fmt: skip
    with st.container(border=True):
        heading(scope, "Loans that differ", None, Shown("restated_loans", rows, [asked], money))
        if rows.is_empty():
            st.info("No loan of this currency differs between the two.")
            return
        event = show_rows(in_units(rows, money, scope.currency), key="restated_table",
                             on_select="rerun", selection_mode="single-row",
                             column_config={"loan_id": "Number", "loan_key": "Loan", **{
                                 name: money_column(name.replace("_", " ").capitalize(), scope.currency) for name in money}})  # fmt: skip
        row = picked_row(event, rows)
        if row:
            finder.link("loan", f"Open loan {row['loan_key']}", loan=str(row["loan_id"]))


def _by_cause(scope: Scope, rows: pl.DataFrame, one: int, other: int) -> list[tuple[str, int]]:
    """Differences of principal by the kind of event that restated the loan last; policy where none did."""
    if rows.is_empty():
        return []
    told = (
        data.ledger()
        .restatements()
        .filter(pl.col("version").is_between(one, other, closed="right"))
    )
    ids = sorted({i for each in told["event_ids"] for i in each})
    kinds = (
        data.plain(_CAUSES, scope.clocks.known_at, ids=ids)
        .group_by("loan_id")
        .agg(pl.col("kind").last())
    )
    named = rows.join(kinds, on="loan_id", how="left").with_columns(
        pl.col("kind").fill_null("other").str.replace_all("_", " "),
        change=pl.col("principal_now").fill_null(0) - pl.col("principal_then").fill_null(0),
    )  # fmt: skip
    return [
        (str(k), int(c))
        for k, c in named.group_by("kind").agg(pl.col("change").sum()).sort("kind").rows()
    ]


def _all(scope: Scope, told: pl.DataFrame) -> None:
    shown = (
        told.with_columns(late_events=pl.col("event_ids").list.len())
        .drop("loan_ids", "event_ids")
        .sort("version", descending=True)
    )
    with st.container(border=True):
        heading(
            scope,
            "Every restating version",
            None,
            Shown("restatements", shown, [Question("SELECT * FROM restatements ORDER BY version")]),
        )
        if shown.is_empty():
            st.info("No version restated anything yet.")
            return
        show_rows(shown, column_config={
            "version": "Version", "business_date": "Closed", "first_date": "From", "last_date": "Through", "loans": "Loans",
            "late_events": "Late events"})  # fmt: skip


PAGE = Page("restatements", "Restatements", ":material/history:", "Ledger", draw)
