"""Portfolio: what do we hold, and does it get better?"""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.policy.models import Buckets
from loanbook.core.reporting import metrics
from loanbook.core.reporting.portfolio import STEP, by_bucket, dpd_distribution, key_figures
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.core.words import counted
from loanbook.dashboards import data
from loanbook.dashboards.charts import bars
from loanbook.dashboards.charts.flows import month_bars
from loanbook.dashboards.formats import count, day, points, share
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.card import (
    Shown,
    chart,
    count_column,
    done,
    heading,
    in_units,
    money_column,
    share_column,
)
from loanbook.dashboards.parts.head import Clocks
from loanbook.dashboards.parts.scope import Scope, bucket_file, page_scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import Look, palette

Figures = dict[str, float | int | None]
MONTHS = 24
"""Points of a figure's line at most, the date itself among them."""


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Portfolio")
    if scope is None:
        return
    with scope.row:
        name = bucket_file()
    _held(scope.clocks)
    asked = questions.portfolio(scope.segment, scope.clocks.as_of)
    grouped = scope.ask(asked)
    token = f"{scope.token}|{name}"
    if grouped.is_empty():
        st.info("No loan matches these filters. Take one away.")
        done(token)
        return
    _figures(scope, grouped)
    buckets = scope.buckets(name)
    table = by_bucket(grouped, buckets)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _bucket_chart(scope, table, buckets, asked)
    with right.container(border=True, height="stretch"):
        _late_chart(scope, grouped, asked)
    _flows(scope)
    _strats(scope, table, asked)
    _quality(scope.clocks)
    done(token)


def _bucket_chart(scope: Scope, table: pl.DataFrame, buckets: Buckets, asked: Question) -> None:
    chart(
        scope, bars.bucket_bars(table, scope.currency, palette(), scope.token),
        "Past due by bucket", metrics.BY_BUCKET,
        Shown("buckets", table, [asked], ("principal",)),
        note=f"“{buckets.ranges[0].label}” is left out of the chart. Buckets: {buckets.name}, version {buckets.version}",
    )  # fmt: skip


def _late_chart(scope: Scope, grouped: pl.DataFrame, asked: Question) -> None:
    late = dpd_distribution(grouped)
    title = "Late loans by days past due"
    if late.is_empty():
        st.subheader(title, anchor=False, help=metrics.DPD.definition)
        st.info(f"No loan in {scope.currency} is past due on this date.")
        return
    chart(
        scope, bars.dpd_bars(late, scope.currency, palette(), scope.token, STEP), title, metrics.DPD,
        Shown("dpd", late, [asked], ("principal",)), note=f"Charged-off loans {metrics.DPD.charged_off}",
    )  # fmt: skip


def _held(clocks: Clocks) -> None:
    """Loans that the date shows at their last good positions, where there are any."""
    held = data.held(clocks.as_of, clocks.known_at)
    if held.is_empty():
        return
    with st.expander(
        f"{count(held.height)} loans are held at their last good positions",
        icon=":material/warning:", expanded=held.height <= EXPANDED,
    ):  # fmt: skip
        st.caption("Their own day would break a law, so it passed them by; all figures here count "
                   "them as they last were. They are tried again at every close.")  # fmt: skip
        show_rows(
            held.drop("loan_id").with_columns(pl.col("law").str.replace_all("_", " ")),
            column_config={
                "loan_key": "Loan", "product": "Product", "since": "Held since",
                "good_until": "Good until", "law": "Law", "figures": "Figures", "remedy": "Remedy",
            },
        )  # fmt: skip


EXPANDED = 5
"""So many held loans are shown without a click."""


def _figures(scope: Scope, grouped: pl.DataFrame) -> None:
    """Four figures with their line over the month ends and the change over thirty days."""
    now = key_figures(grouped)
    before = _figures_on(scope.clocks.as_of - dt.timedelta(days=30), scope)
    ends = [end for end in scope.ends if end < scope.clocks.as_of][-MONTHS:]
    past = [figures for figures in [*_at_ends(scope, ends), now] if figures]

    def line(name: str, unit: float = 1) -> list[float]:
        return [value / unit for figures in past if (value := figures[name]) is not None]

    change = None
    if before and now["par_30"] is not None and before["par_30"] is not None:
        change = points(now["par_30"] - before["par_30"])
    # columns, for a row of cards with lines would wrap at 900 px
    principal, loans, at_risk, overdue = st.columns(4, gap="small")
    with principal:
        _card(metrics.PRINCIPAL, scope.money(now["principal"]),
              _money_change(scope, now, before, "principal"), line("principal", scope.unit))  # fmt: skip
    with loans:
        _card(metrics.LOANS, count(_int(now["loans"])), _count_change(now, before), line("loans"))
    with at_risk:
        _card(metrics.PAR_30, share(now["par_30"]), change, line("par_30", 0.01),
              worse_when_up=True)  # fmt: skip
    with overdue:
        _card(metrics.OVERDUE, scope.money(now["overdue"]),
              _money_change(scope, now, before, "overdue"), line("overdue", scope.unit),
              worse_when_up=True)  # fmt: skip
    st.caption(f"Loans in {scope.currency}. Change against thirty days before; lines are month ends, as "
               "known now.")  # fmt: skip


def _at_ends(scope: Scope, ends: list[dt.date]) -> list[Figures]:
    """Key figures of month ends, by one question."""
    rows = scope.ask(questions.balances(scope.segment, ends))
    return [
        key_figures(rows.filter(pl.col("business_date") == end))
        for end in ends
        if rows.filter(pl.col("business_date") == end).height
    ]


def _int(value: float | int | None) -> int | None:
    return None if value is None else int(value)


def _card(
    metric: metrics.Metric,
    value: str,
    change: str | None,
    line: list[float],
    *,
    worse_when_up: bool = False,
) -> None:
    st.metric(
        metric.title, value, change, help=metric.definition, border=True, height="stretch",
        delta_color="inverse" if worse_when_up else "off",
        delta_arrow="off" if change and _is_nothing(change) else "auto",
        chart_data=line if len(line) > 1 else None, chart_type="line",
    )  # fmt: skip


def _is_nothing(change: str) -> bool:
    """Whether a change as it is written is none."""
    return not any(c in "123456789" for c in change)


def _money_change(scope: Scope, now: Figures, before: Figures | None, name: str) -> str | None:
    if before is None or now[name] is None or before[name] is None:
        return None
    change = int(now[name] or 0) - int(before[name] or 0)
    return f"{'+' if change >= 0 else '-'}{scope.money(abs(change))}"


def _count_change(now: Figures, before: Figures | None) -> str | None:
    if before is None:
        return None
    return f"{int(now['loans'] or 0) - int(before['loans'] or 0):+,}"


def _figures_on(date: dt.date, scope: Scope) -> Figures | None:
    """Key figures of another date under the same filters, as known at the same version."""
    rows = scope.ask(questions.portfolio(scope.segment, date))
    return key_figures(rows) if rows.height else None


def _flows(scope: Scope) -> None:
    asked = [
        questions.originated(scope.segment),
        questions.received(scope.segment),
        questions.losses(scope.segment),
    ]
    lent, met, lost = (scope.ask(question) for question in asked)
    received = met.select(
        "month", collected=pl.col("paid_due") + pl.col("paid_late") + pl.col("paid_in_advance")
    )
    rows = (
        lent.select("month", disbursed="amount")
        .join(received, on="month", how="full", coalesce=True)
        .join(lost, on="month", how="full", coalesce=True)
        .with_columns(pl.selectors.integer().fill_null(0))
        .sort("month")
    )
    series = {
        "disbursed": "Lent",
        "collected": "Collected",
        "charged_off": "Charged off",
        "recovered": "Recovered",
    }
    with st.container(border=True):
        chart(
            scope, month_bars(rows, series, Look(palette(), scope.currency, scope.token)),
            f"Lent, collected, charged off and recovered by month, {scope.currency}", metrics.FLOWS,
            Shown("flows", rows, asked, tuple(series)),
        )  # fmt: skip


def _strats(scope: Scope, table: pl.DataFrame, asked: Question) -> None:
    """The buckets as a table, with a row for all."""
    whole = table.select(
        bucket=pl.lit("all"), loans=pl.col("loans").sum(), principal=pl.col("principal").sum(), share=pl.lit(1.0),
    )  # fmt: skip
    rows = pl.concat([table.select(whole.columns), whole], how="vertical_relaxed")
    shown = Shown("portfolio_by_bucket", rows, [asked], ("principal",))
    with st.container(border=True):
        heading(scope, "By bucket", metrics.BY_BUCKET, shown)
        show_rows(
            in_units(rows, ["principal"], scope.currency).with_columns(pl.col("share") * 100),
            key="by_bucket",
            column_config={
                "bucket": st.column_config.TextColumn("Days past due"),
                "loans": count_column("Loans"),
                "principal": money_column("Principal", scope.currency),
                "share": share_column("Share"),
            },
        )  # fmt: skip
        finder.link("explore", "Loans and any other dimension: Explore")


def _quality(clocks: Clocks) -> None:
    checks = data.plain(CHECKS, clocks.version, at=clocks.version)
    failed = checks.filter(~pl.col("passed")).height
    with st.container(border=True):
        st.subheader(
            "Quality of the run", anchor=False,
            help="Conservation laws are checked before a version is committed, the expectations "
            "and the comparison before it is published. Readers see it only if all passed.",
        )  # fmt: skip
        show_rows(
            checks.with_columns(
                passed=pl.when("passed").then(pl.lit("✓ passed")).otherwise(pl.lit("✗ failed")),
                name=pl.col("name").str.replace_all("[_:]", " "), suite=pl.col("suite").str.replace_all("_", " "),
            ),
            column_config={
                "suite": "Suite", "name": "Check", "passed": "Result",
                "broken": st.column_config.NumberColumn("Rows that break it"), "figures": "Saw",
            },
        )  # fmt: skip
        st.caption(
            f"{counted(checks.height, 'check')} of version {clocks.version}, {day(clocks.as_of)}; {failed} failed."
        )


CHECKS = "SELECT suite, name, passed, broken, figures FROM checks WHERE version = $at ORDER BY suite, name"
PAGE = Page("portfolio", "Portfolio", ":material/donut_large:", "Book", draw)
