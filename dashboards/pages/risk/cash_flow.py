"""Cash flow: due against received by month, how well it was collected, prepaid and lost."""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.reporting import collections
from loanbook.core.reporting.portfolio import live
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.dashboards.charts.flows import month_bars
from loanbook.dashboards.charts.lines import share_lines
from loanbook.dashboards.formats import share
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import Shown, chart, done, figures
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.theme import Look, palette

MONEY = ("opening_principal", "opening_due", "closing_due", "opening_principal_due", "closing_principal_due", "paid_due",
         "paid_late", "paid_in_advance", "principal_paid", "principal_due_paid", "interest_paid", "charged_off", "recovered",
         "billed", "scheduled_principal", "received", "gap")  # fmt: skip
CUT = 200
"""Efficiencies above so many per cent, as in a book's first months when little falls due, are not drawn."""


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Cash flow")
    if scope is None:
        return
    rows, asked = by_month(scope)
    if rows.is_empty():
        st.info(
            "No loan matches these filters for a full month. Take one away, or look at a later date."
        )
        done(scope.token)
        return
    shown = Shown("cash_flow", rows, asked, MONEY)
    last = rows.row(-1, named=True)
    figures(scope, [
        ("Received, last month", scope.money(last["received"]), f"{last['month']:%b %Y}"),
        ("Fell due, last month", scope.money(last["billed"]), f"{last['month']:%b %Y}"),
        (collections.EFFICIENCIES[1], share(last["ce_with_overdue"]), None),
        (collections.CPR, share(last["cpr"]), f"CDR {share(last['cdr'])}"),
    ])  # fmt: skip
    with st.container(border=True):
        series = {"billed": "Fell due", "received": "Received", "recovered": "Recovered"}
        chart(scope, month_bars(rows, series, Look(palette(), scope.currency, scope.token), line=("gap", "Cumulative gap")),
              "Due against received by month", collections.DUE_RECEIVED, shown,
              note="Full months alone. Recoveries by value date")  # fmt: skip
    with st.container(border=True):
        efficiencies(scope, rows, asked)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        chart(scope, share_lines(rows, "month", {"cpr": "CPR", "cdr": "CDR"}, palette(), scope.token),
              "Prepayment and default, a year", collections.CPR, Shown("speeds", rows.select("month", "smm", "cpr", "mdr", "cdr"), asked),
              note="CDR: 1 - (1 - MDR)^12, MDR being principal charged off ÷ principal at the beginning")  # fmt: skip
    with right.container(border=True, height="stretch"):
        parts = {
            "paid_due": "Of the month",
            "paid_late": "Overdue",
            "paid_in_advance": "In advance",
        }
        chart(scope, month_bars(rows, parts, Look(palette(), scope.currency, scope.token), stacked=True), "What the money met", None,
              Shown("received_parts", rows.select("month", *parts), asked, tuple(parts)),
              note="What fell due in the month, what was overdue, and what was paid in advance or ahead of the schedule")  # fmt: skip
    done(scope.token)


def efficiencies(scope: Scope, rows: pl.DataFrame, asked: list[Question]) -> None:
    """Draw the collection efficiencies of full months (`by_month`), of which there is one."""
    lines = {each.name: each.title for each in collections.EFFICIENCIES}
    chart(scope, share_lines(rows, "month", lines, palette(), scope.token, cut=CUT), "Collection efficiencies", None,
          Shown("efficiencies", rows.select("month", *lines), asked),
          note=f"Months above {CUT} % are not drawn. " + " · ".join(f"{e.title}: {e.numerator.lower()} ÷ {e.denominator}" for e in collections.EFFICIENCIES))  # fmt: skip


def by_month(scope: Scope) -> tuple[pl.DataFrame, list[Question]]:
    """Flows and ratios of full months, and what was asked."""
    asked = [questions.received(scope.segment), questions.balances(scope.segment, scope.ends),
             questions.losses(scope.segment)]  # fmt: skip
    met, stood, lost = (scope.ask(question) for question in asked)
    if not scope.ends or stood.is_empty():
        return pl.DataFrame(), asked
    ends = live(stood).group_by("business_date").agg(
        pl.col("principal", "principal_due").sum(), due=pl.col("overdue").sum()
    )  # fmt: skip
    months = pl.DataFrame({"end": scope.ends}).with_columns(
        month=pl.col("end").dt.month_start(), before=pl.col("end").dt.month_start() - pl.duration(days=1)
    )  # fmt: skip
    joined = (
        months.join(ends.rename({"principal": "closing_principal", "due": "closing_due", "principal_due": "closing_principal_due"}),
                    left_on="end", right_on="business_date", how="left")
        .join(ends.rename({"principal": "opening_principal", "due": "opening_due", "principal_due": "opening_principal_due"}),
              left_on="before", right_on="business_date", how="left")
        .join(met, on="month", how="left").join(lost, on="month", how="left")
        .drop("end", "before").with_columns(pl.selectors.integer().fill_null(0)).sort("month")
    )  # fmt: skip
    return collections.by_month(joined), asked


PAGE = Page("cash-flow", "Cash flow", ":material/payments:", "Risk", draw)
