"""Cohorts: is new business worse at equal age?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.reporting.cohorts import CURRENT, MEASURES, balances_by_age, curves, triangle
from loanbook.core.reporting.metrics import Metric
from loanbook.core.reporting.portfolio import live
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.dashboards.charts.grids import Grid, heat
from loanbook.dashboards.charts.lines import cohort_lines
from loanbook.dashboards.formats import MISSING, count, share, total
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import Shown, chart, clicked, done, figures
from loanbook.dashboards.parts.scope import Scope, dimension_choice, page_scope
from loanbook.dashboards.theme import palette

NOW = {f"current_{days}": days for days in CURRENT}
LINES = 24
"""Cohorts that a chart shows at most: the newest, or those of most loans."""


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Cohorts")
    if scope is None:
        return
    measure, by, counts = _controls(scope)
    rates, asked, metric = rates_of(scope, measure, by, counts=counts)
    if rates.is_empty():
        st.info(
            "No loan matches these filters for a full month. Take one away, or look at a later date."
        )
        done(scope.token)
        return
    ordered = scope.segment.known[by].ordered and not by.startswith("attribute")
    rates, dropped = _the_most(rates, ordered)
    token = f"{scope.token}|{measure}|{by}|{counts}"
    _figures(scope, rates, metric)
    shown = Shown(
        "cohorts", rates, asked, () if counts or measure in NOW else ("base", "amount", "whole")
    )
    table = triangle(rates)
    only = _one(table)
    note = f"{dropped} smaller cohorts left out. " if dropped else ""
    with st.container(border=True):
        chart(
            scope, cohort_lines(rates, palette(), token, ordered=ordered, only=only),
            f"{metric.title} by months on book", metric, shown,
            note=f"{note}Dotted: only the loans that are old enough; with fewer of them a rate can fall",
        )  # fmt: skip
    with st.container(border=True):
        starred = {(r["cohort"], r["mob"]) for r in rates.filter(~pl.col("complete")).to_dicts()}
        chart(
            scope, heat(_grid(scope, table, starred, rates, counts), palette(), token, across="Months on book", down=""),
            "Triangle", metric, Shown("triangle", table, asked),
            note="* not all loans of the cohort are that old. Click a row for its line alone",
        )  # fmt: skip
    _left_out(scope, measure)
    done(token)


def _controls(scope: Scope) -> tuple[str, str, bool]:
    names = {
        **{m.metric.title: n for n, m in MEASURES.items()},
        **{CURRENT[days].title: n for n, days in NOW.items()},
    }
    with scope.row:
        measure = st.selectbox(
            "Measure", list(names), key="measure", bind="query-params", width=170
        )
        by = dimension_choice(scope, "Cohort by", "by")
        unit = st.segmented_control(
            "Weighted by", ["amount", "loans"], default="amount", key="weight", bind="query-params",
        )  # fmt: skip
    return names.get(measure or "", "ever_30"), by or "quarter", unit == "loans"


def rates_of(
    scope: Scope, measure: str, by: str, *, counts: bool
) -> tuple[pl.DataFrame, list[Question], Metric]:
    """Rates by cohort and month on book, with what was asked and the metric that they are."""
    if measure in NOW:
        days = NOW[measure]
        question = questions.balances(scope.segment, scope.ends, by)
        rows = scope.ask(question)
        late = pl.col("loans" if counts else "principal")
        standing = live(rows).select(
            cohort="label", month="cohort",
            mob=12 * (pl.col("business_date").dt.year() - pl.col("cohort").dt.year())
            + pl.col("business_date").dt.month() - pl.col("cohort").dt.month(),
            base=late, amount=pl.when(pl.col("days_past_due") >= days).then(late).otherwise(0),
        )  # fmt: skip
        return balances_by_age(standing), [question], CURRENT[days]
    asked = [
        questions.cohort_loans(scope.segment, by, measure, counts=counts),
        questions.cohort_events(scope.segment, by, measure, counts=counts),
    ]
    return curves(*(scope.ask(question) for question in asked)), asked, MEASURES[measure].metric


def _the_most(rates: pl.DataFrame, ordered: bool) -> tuple[pl.DataFrame, int]:
    """At most `LINES` cohorts, and how many were left out."""
    sizes = rates.group_by("cohort").agg(pl.col("whole").max())
    if sizes.height <= LINES:
        return rates, 0
    kept = sizes.sort("cohort" if ordered else "whole", descending=True).head(LINES)
    return rates.filter(pl.col("cohort").is_in(kept["cohort"].implode())), sizes.height - LINES


def _one(table: pl.DataFrame) -> str | None:
    """The cohort whose row was clicked."""
    point = clicked(st.session_state.get("triangle"))
    if point is None:
        return None
    row = int(float(str(point.get("y", -1))))
    return table["cohort"][row] if 0 <= row < table.height else None


def _figures(scope: Scope, rates: pl.DataFrame, metric: Metric) -> None:
    oldest = int(rates["mob"].max() or 0)  # type: ignore[arg-type]
    at = [m for m in (3, 6, 12) if m <= oldest][-1:] or [oldest]
    pooled = rates.filter(pl.col("mob") == at[0])
    rate = total(pooled["amount"]) / total(pooled["base"]) if total(pooled["base"]) else None
    worst = pooled.sort("rate", descending=True).head(1)
    best = pooled.sort("rate").head(1)

    def told(row: pl.DataFrame) -> tuple[str, str | None]:
        return (share(row["rate"][0]), row["cohort"][0].strip()) if row.height else (MISSING, None)

    figures(scope, [
        ("Cohorts", count(rates["cohort"].n_unique()), f"oldest {oldest} months"),
        (metric, share(rate), f"all, month {at[0]}"),
        (f"Highest, month {at[0]}", *told(worst)),
        (f"Lowest, month {at[0]}", *told(best)),
    ])  # fmt: skip


def _grid(
    scope: Scope,
    table: pl.DataFrame,
    starred: set[tuple[str, int]],
    rates: pl.DataFrame,
    counts: bool,
) -> Grid:
    months = [name for name in table.columns if name not in {"cohort", "whole"}]
    amounts = {(r["cohort"], r["mob"]): (r["amount"], r["base"]) for r in rates.to_dicts()}
    rows = table.to_dicts()

    def said(cohort: str, month: str) -> str:
        if (cohort, int(month)) not in amounts:
            return ""
        part, whole = amounts[cohort, int(month)]
        of = (
            f"{count(part)} of {count(whole)}"
            if counts
            else f"{scope.money(part)} of {scope.money(whole)}"
        )
        return f"{cohort.strip()}, month {month}: {of}"

    return Grid(
        months,
        [f"{r['cohort'].strip()} · {count(r['whole']) if counts else scope.money(r['whole'])}" for r in rows],
        [[None if r[m] is None else 100 * r[m] for m in months] for r in rows],
        [["" if r[m] is None else f"{100 * r[m]:.1f}{'*' if (r['cohort'], int(m)) in starred else ''}" for m in months]
         for r in rows],
        [[said(r["cohort"], m) for m in months] for r in rows],
    )  # fmt: skip


def _left_out(scope: Scope, measure: str) -> None:
    if measure in MEASURES and MEASURES[measure].born_here:
        loans = int(scope.ask(questions.left_out(scope.segment))["loans"][0])
        if loans:
            st.caption(
                f"{count(loans)} loans were taken over in mid-life and are left out: what befell them before is not known."
            )


PAGE = Page("cohorts", "Cohorts", ":material/stacked_line_chart:", "Risk", draw)
