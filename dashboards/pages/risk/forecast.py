"""Forecast: what is to come by contract and by a scenario, expected loss by stage, and how such forecasts fared."""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import parse
from loanbook.core.policy.risk.scenarios import Scenario
from loanbook.core.reporting.forecast import expected_loss, projection
from loanbook.core.reporting.forecast.back_test import back_test
from loanbook.core.reporting.roll_rates import CHARGED_OFF, PAID_OFF, matrix
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.dashboards import data
from loanbook.dashboards.charts.flows import month_bars
from loanbook.dashboards.formats import share, total
from loanbook.dashboards.page import Page
from loanbook.dashboards.pages.risk.cash_flow import by_month
from loanbook.dashboards.parts.card import (
    Shown,
    chart,
    count_column,
    date_column,
    done,
    figures,
    heading,
    money_column,
    share_column,
)
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import Look, palette

SEEN_OVER = 6
"""Months whose speeds are the observed ones."""


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Forecast")
    if scope is None:
        return
    scenario, months = _controls(scope)
    asked = questions.pools(scope.segment)
    pools = scope.ask(asked)
    if pools.is_empty() or scenario is None:
        st.info("No live loan matches these filters. Take one away.")
        done(scope.token)
        return
    seen = _seen(scope)
    token = f"{scope.token}|{scenario.name}|{months}"
    named = pools.with_row_index("pool").with_columns(pl.col("balance").cast(pl.Float64))
    flows = _flows(named, scenario, seen, scope)
    losses = expected_loss.expected_loss(
        pools.with_columns(balance=pl.col("owed").cast(pl.Float64)), scenario.chances, scenario.severity
    )  # fmt: skip
    _figures(scope, flows, losses, seen, months)
    shown = Shown(
        "forecast",
        flows,
        [asked],
        ("by_contract", "scheduled", "prepaid", "interest", "recovered", "lost", "balance"),
    )
    with st.container(border=True):
        series = {
            "scheduled": "Scheduled",
            "prepaid": "Prepaid",
            "interest": "Interest",
            "recovered": "Recovered",
        }
        part = flows.head(months)
        chart(scope, month_bars(part, series, Look(palette(), scope.currency, token), stacked=True, line=("by_contract", "By contract"),
                                hatched=True),
              f"Cash flow of the next {months} months, scenario {scenario.name}", projection.BEHAVIOURAL, shown,
              note=f"{scenario.description} Loans are taken as level and monthly, in pools of one rate and remaining term")  # fmt: skip
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _expected(scope, losses, asked)
    with right.container(border=True, height="stretch"):
        _back_test(scope)
    done(token)


def _controls(scope: Scope) -> tuple[Scenario | None, int]:
    with scope.row:
        name = st.selectbox(
            "Scenario",
            data.named_policies("scenarios"),
            key="scenario",
            bind="query-params",
            width=180,
        )
        months = st.segmented_control(
            "Months", [12, 24, 60], default=12, key="months", bind="query-params"
        )
        with st.popover("Another scenario", icon=":material/upload_file:"):
            file = st.file_uploader(
                "A scenario file (YAML)", type=["yaml", "yml"], key="scenario_file"
            )
            st.caption(
                "As in policies/scenarios; docs/policy-fields.md has the fields. It is read, and kept nowhere."
            )
    if file is not None:
        try:
            told = parse("scenarios", file.name, file.getvalue().decode("utf-8"))
        except (PolicyError, UnicodeDecodeError) as error:
            st.error(str(error))
            return None, 12
        if isinstance(told, Scenario):
            return told, int(months or 12)
    if not name:
        st.info("There is no scenario: put a file into the instance's policies/scenarios.")
        return None, 12
    return data.policies().in_force(Scenario, name, scope.clocks.as_of), int(months or 12)


def _seen(scope: Scope) -> dict[str, float]:
    """Mean SMM and MDR of the last months that were lived in full."""
    rows, _ = by_month(scope)
    if rows.is_empty():
        return {"smm": 0.0, "mdr": 0.0}
    last = rows.filter(pl.col("opening_principal") > 0).tail(SEEN_OVER)
    return {name: float(last[name].mean() or 0.0) for name in ("smm", "mdr")}  # type: ignore[arg-type]


def _flows(
    pools: pl.DataFrame, scenario: Scenario, seen: dict[str, float], scope: Scope
) -> pl.DataFrame:
    start = scope.clocks.as_of.replace(day=1)
    agreed = projection.contractual(pools).select(
        "month", by_contract=pl.col("scheduled") + pl.col("interest")
    )
    told = projection.behavioural(pools, scenario, seen).join(agreed, on="month", how="left")
    month = pl.lit(start).dt.offset_by(pl.format("{}mo", pl.col("month")))
    return told.with_columns(month=month).select("month", "by_contract", *projection.FLOWS)


def _figures(
    scope: Scope, flows: pl.DataFrame, losses: pl.DataFrame, seen: dict[str, float], months: int
) -> None:
    part = flows.head(months)
    whole = total(losses["loss"])
    figures(scope, [
        (projection.CONTRACTUAL, scope.money(total(part["by_contract"])), f"next {months} months"),
        (projection.BEHAVIOURAL, scope.money(sum(total(part[n]) for n in ("scheduled", "prepaid", "interest", "recovered"))), f"next {months} months"),
        (expected_loss.ECL, scope.money(whole), share(whole / total(losses["exposure"]) if total(losses["exposure"]) else None)),
        ("Seen, a month", f"{100 * seen['smm']:.2f} / {100 * seen['mdr']:.2f} %", f"SMM / MDR, {SEEN_OVER} months"),
    ])  # fmt: skip


def _expected(scope: Scope, losses: pl.DataFrame, asked: Question) -> None:
    heading(
        scope,
        "Expected credit loss by stage",
        expected_loss.ECL,
        Shown("expected_loss", losses, [asked], ("exposure", "loss")),
    )
    show_rows(
        losses.with_columns(pl.col("stage").str.replace("_", " ").str.to_titlecase(), pl.col("exposure", "loss") / scope.unit, pl.col("coverage") * 100),
        column_config={
            "stage": "Stage", "loans": count_column("Loans"),
            "exposure": money_column("Owed", scope.currency), "loss": money_column("Loss", scope.currency),
            "coverage": share_column("Coverage"),
        },
    )  # fmt: skip
    st.caption("Stage 2 above 30 days past due, stage 3 above 90; other signs of a rise in risk are not looked at. "
               "Probabilities and severity are the scenario's: assumptions, not estimates.")  # fmt: skip


def _back_test(scope: Scope) -> None:
    question = questions.rolls(scope.segment, scope.ends)
    rows = scope.ask(question)
    buckets = scope.buckets("default")
    tested = back_test(matrix(rows, buckets, ["business_date"]))
    st.subheader("Back-test of roll rates", anchor=False)
    if tested.is_empty():
        st.info("A back-test needs three month ends; the book has lived fewer by this date.")
        return
    late = tested.filter(~pl.col("target").is_in([PAID_OFF, buckets.ranges[0].label, CHARGED_OFF]))
    figures_ = pl.col("forecast", "low", "high", "actual").sum()
    table = late.group_by("business_date").agg(figures_).sort("business_date").with_columns(
        inside=pl.when(pl.col("actual").is_between(pl.col("low"), pl.col("high"))).then(pl.lit("✓ inside")).otherwise(pl.lit("✗ outside"))
    )  # fmt: skip
    show_rows(
        table.with_columns(pl.col("forecast", "low", "high", "actual") / scope.unit), 
        column_config={
            "business_date": date_column("Month end"),
            **{name: st.column_config.NumberColumn(name.capitalize(), format="%,.0f") for name in ("forecast", "low", "high", "actual")},
            "inside": "Interval",
        },
    )  # fmt: skip
    st.caption(f"Principal a month before of loans that are late now, {scope.currency}: forecast from all earlier months' roll "
               "rates, low and high by any single one of them, beside what came.")  # fmt: skip


PAGE = Page("forecast", "Forecast", ":material/query_stats:", "Risk", draw)
