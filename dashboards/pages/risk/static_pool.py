"""Static pool: a fixed list of loans, by the age of the deal."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import streamlit as st

from loanbook.core.reporting import collections
from loanbook.core.reporting.cohorts import MEASURES
from loanbook.core.reporting.portfolio import live
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.dashboards.charts.lines import share_lines
from loanbook.dashboards.formats import count, share
from loanbook.dashboards.page import Page
from loanbook.dashboards.pages.risk.cash_flow import by_month
from loanbook.dashboards.parts.card import Shown, chart, done, figures, heading, share_column
from loanbook.dashboards.parts.scope import Scope, labels_of, page_scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import palette


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Static pool")
    if scope is None:
        return
    scope = _pool(scope)
    asked = questions.digest(scope.segment)
    listed = scope.ask(asked).to_dicts()[0]
    if not listed["loans"] or not scope.ends:
        st.info(
            "No loan matches these filters for a full month. Take one away, or look at a later date."
        )
        done(scope.token)
        return
    table, questions_ = _by_age(scope, listed["amount"])
    shown = Shown("static_pool", table, [asked, *questions_], ("principal", "lost"))
    last = table.row(-1, named=True) if table.height else None
    figures(scope, [
        ("Loans", count(listed["loans"]), f"originated {scope.money(listed['amount'])}"),
        (collections.POOL_FACTOR, share(last["factor"] if last else None), None),
        (MEASURES["net_loss"].metric, share(last["net_loss"] if last else None), "cumulative"),
        (collections.CPR, share(last["cpr"] if last else None), "last month"),
    ])  # fmt: skip
    st.caption(
        f"Fingerprint of the list: `{listed['digest']}`. Two lists with one fingerprint hold the same loans."
    )
    lines = (("Pool factor", collections.POOL_FACTOR, {"factor": "factor"}),
             ("Cumulative net loss", MEASURES["net_loss"].metric, {"net_loss": "net loss"}),
             ("Delinquency", None, {"late_30": "30+", "late_60": "60+", "late_90": "90+"}),
             ("Prepayment and default, a year", collections.CPR, {"cpr": "CPR", "cdr": "CDR"}))  # fmt: skip
    for pair in (lines[:2], lines[2:]):
        for column, (title, metric, series) in zip(st.columns(2), pair, strict=True):
            with column.container(border=True, height="stretch"):
                note = (
                    "Principal at least so many days past due ÷ principal of live loans"
                    if metric is None
                    else ""
                )
                chart(scope, share_lines(table, "month", series, palette(), scope.token), title, metric,
                      Shown(f"pool_{title}".lower().replace(" ", "_"), table.select("month", "age", *series), shown.questions),
                      note=note)  # fmt: skip
    with st.container(border=True):
        heading(scope, "By age of the deal", None, shown)
        show_rows(
            table.with_columns(pl.col("principal", "lost") / scope.unit, pl.col("factor", "net_loss", "late_30", "late_60", "late_90", "cpr", "cdr") * 100),
            column_config={
                "month": st.column_config.DateColumn("Month", format="MMM YYYY"), "age": "Age",
                "principal": st.column_config.NumberColumn(f"Principal, {scope.currency}", format="%,.0f"),
                "lost": st.column_config.NumberColumn(f"Net loss, {scope.currency}", format="%,.0f"),
                **{name: share_column(title) for name, title in (
                    ("factor", "Factor"), ("net_loss", "Net loss"), ("late_30", "30+"), ("late_60", "60+"),
                    ("late_90", "90+"), ("cpr", "CPR"), ("cdr", "CDR"))},
            },
        )  # fmt: skip
    done(scope.token)


def _pool(scope: Scope) -> Scope:
    """The scope with the quarter that makes the pool, unless filters made it already."""
    quarters = labels_of(scope.clocks, scope.currency, scope.segment.known["quarter"])
    with scope.row:
        chosen = st.selectbox("Originated in", ["all", *quarters], key="pool", bind="query-params", width=180,
                          help="With the filters: which loans are in the list. It never changes with what befalls them.")  # fmt: skip
    if not chosen or chosen == "all" or "quarter" in scope.segment.filters:
        return scope
    filters = {**scope.segment.filters, "quarter": [chosen]}
    return replace(scope, segment=replace(scope.segment, filters=filters))


def _by_age(scope: Scope, amount: int) -> tuple[pl.DataFrame, list[Question]]:
    """A row a month: factor, cumulative net loss, delinquency, speeds."""
    flows, asked = by_month(scope)
    losses = questions.losses(scope.segment)
    stood = live(scope.ask(asked[1]))

    def late(days: int) -> pl.Expr:
        whole = pl.col("principal").sum()
        return pl.when(whole > 0).then(
            pl.col("principal").filter(pl.col("days_past_due") >= days).sum() / whole
        )

    ends = stood.group_by(month=pl.col("business_date").dt.month_start()).agg(
        pl.col("principal").sum(), late_30=late(30), late_60=late(60), late_90=late(90)
    )  # fmt: skip
    table = (
        flows.select("month", "cpr", "cdr", "charged_off", "recovered")
        .join(ends, on="month", how="left")
        .sort("month")
    )
    table = table.with_columns(
        pl.col("principal").fill_null(0),
        lost=(pl.col("charged_off") - pl.col("recovered")).cum_sum(),
    )
    begun = (table["principal"] > 0).arg_true()
    table = table.slice(int(begun[0]) if begun.len() else 0).with_row_index("age")
    rows = table.with_columns(
        factor=pl.col("principal") / amount, net_loss=pl.col("lost") / amount, age=pl.col("age").cast(pl.Int32)
    )  # fmt: skip
    return rows.select(
        "month",
        "age",
        "principal",
        "factor",
        "lost",
        "net_loss",
        "late_30",
        "late_60",
        "late_90",
        "cpr",
        "cdr",
    ), [*asked, losses]


PAGE = Page("static-pool", "Static pool", ":material/inventory_2:", "Risk", draw)
