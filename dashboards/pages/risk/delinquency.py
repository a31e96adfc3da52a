"""Delinquency: what of the late balance is new, cured, paid or charged off, and how it stands day by day."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.reporting import delinquency
from loanbook.core.reporting.delinquency import at_risk, bridge, classes, cure_rate
from loanbook.core.reporting.portfolio import live
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.dashboards.charts.flows import bridge as bridge_chart
from loanbook.dashboards.charts.lines import share_lines
from loanbook.dashboards.formats import count, share, total
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import (
    Shown,
    chart,
    count_column,
    done,
    figures,
    heading,
    in_units,
    money_column,
    share_column,
)
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import palette

DAYS = 90
"""Days that the daily line goes back."""


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Delinquency", "daily")
    if scope is None:
        return
    asked = questions.daily(scope.segment, scope.clocks.as_of - dt.timedelta(days=DAYS))
    days = scope.ask(asked)
    today = days.filter(pl.col("business_date") == scope.clocks.as_of)
    if today.is_empty():
        st.info("No loan matches these filters. Take one away.")
        done(scope.token)
        return
    rolled = questions.rolls(scope.segment, scope.ends)
    rows = scope.ask(rolled)
    _figures(scope, days, rows)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _bridge(scope, rows, rolled)
    with right.container(border=True, height="stretch"):
        risk = (
            at_risk(days).pivot("edge", index="business_date", values="share").sort("business_date")
        )
        lines = {"0": "PAR 0", "30": "PAR 30", "60": "PAR 60", "90": "PAR 90"}
        chart(scope, share_lines(risk, "business_date", lines, palette(), scope.token),
              f"Portfolio at risk, last {DAYS} days", delinquency.PAR, Shown("par_daily", risk, [asked]),
              note="PAR X: more than X days past due")  # fmt: skip
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        cure_rates(scope, rows, rolled)
    with right.container(border=True, height="stretch"):
        _classes(scope, today, asked)
    done(scope.token)


def cure_rates(scope: Scope, rows: pl.DataFrame, rolled: Question) -> None:
    """Draw the cure rate by month of the answer `rows` to the question `rolled` (`questions.rolls`)."""
    cured = cure_rate(rows)
    if cured.is_empty():
        st.subheader("Cure rate", anchor=False, help=delinquency.CURE.definition)
        st.info("No loan was 30 or more days past due at an earlier month end.")
    else:
        chart(scope, share_lines(cured, "business_date", {"rate": "cured"}, palette(), scope.token), "Cure rate by month",
              delinquency.CURE, Shown("cure_rate", cured, [rolled], ("late", "cured")))  # fmt: skip


def _bridge(scope: Scope, rows: pl.DataFrame, rolled: Question) -> None:
    steps = bridge(rows, 30)
    title = "Where the balance 30+ went"
    if steps.is_empty():
        st.subheader(title, anchor=False, help=delinquency.BRIDGE.definition)
        st.info("A bridge needs a month end; the book has lived none by this date.")
        return
    month = steps["business_date"].sort()[-1]
    last = steps.filter(pl.col("business_date") == month)
    parts = [(str(step), int(amount)) for step, amount in last.select("step", "amount").rows()]
    chart(scope, bridge_chart(parts, scope.currency, palette(), scope.token), f"{title}, {month:%b %Y}",
          delinquency.BRIDGE, Shown("late_bridge", steps, [rolled], ("amount",)))  # fmt: skip


def _classes(scope: Scope, today: pl.DataFrame, asked: Question) -> None:
    table = classes(today)
    shown = Shown("classes", table, [asked], ("principal",))
    heading(scope, "SMA and NPA", delinquency.CLASSES, shown)
    show_rows(
        in_units(table, ["principal"], scope.currency).with_columns(pl.col("share") * 100), 
        column_config={
            "class": "Class", "loans": count_column("Loans"),
            "principal": money_column("Principal", scope.currency), "share": share_column("Share"),
        },
    )  # fmt: skip
    st.caption("SMA-0 1–30 days past due, SMA-1 31–60, SMA-2 61–90, NPA above 90.")
    paid = scope.ask(questions.first_payments(scope.segment)).to_dicts()[0]
    rows = ((delinquency.FPD, paid["unpaid_30"], paid["due_30"]),
            (delinquency.EPD, paid["early_90"], paid["due_90"]))  # fmt: skip
    for metric, part, whole in rows:
        rate = share(part / whole) if whole else share(None)
        st.caption(
            f"{metric.title}: **{rate}** ({count(part)} of {count(whole)} loans). {metric.numerator}."
        )


def _figures(scope: Scope, days: pl.DataFrame, rows: pl.DataFrame) -> None:
    risk = at_risk(days)
    last = {
        r["edge"]: r["share"]
        for r in risk.filter(pl.col("business_date") == scope.clocks.as_of).to_dicts()
    }
    late = live(days).filter(
        (pl.col("business_date") == scope.clocks.as_of) & (pl.col("days_past_due") > 0)
    )
    cured = cure_rate(rows)
    figures(scope, [
        ("Overdue amount", scope.money(total(late["overdue"])), f"{count(int(total(late['loans'])))} loans"),
        ("PAR 30", share(last.get(30)), "more than 30 days"),
        ("PAR 90", share(last.get(90)), "more than 90 days"),
        (delinquency.CURE, share(cured["rate"][-1] if cured.height else None), "last month"),
    ])  # fmt: skip


PAGE = Page("delinquency", "Delinquency", ":material/schedule:", "Risk", draw)
