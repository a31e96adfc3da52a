"""Portfolio: what do we hold, and does it get better?"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import polars as pl
import streamlit as st

from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT
from loanbook.core.policy.models import Buckets
from loanbook.core.reporting import metrics
from loanbook.core.reporting.portfolio import (
    STEP,
    by_bucket,
    currencies,
    dpd_distribution,
    key_figures,
    of_currency,
)
from loanbook.dashboards import charts, data, exports
from loanbook.dashboards.formats import count, day, points, share, short_money
from loanbook.dashboards.head import Clocks, head
from loanbook.dashboards.theme import CONFIG, palette

MONTHS = 24
"""Points of a figure's line at most, the date itself among them."""


def page() -> None:
    """Draw the page for the clocks and filters of the URL."""
    reader = data.ledger()
    clocks = head("Portfolio", reader)
    if clocks is None:
        return
    _body(clocks)


@dataclass(frozen=True)
class View:
    """What of the book is looked at: both clocks, one currency, and the filters."""

    clocks: Clocks
    currency: str
    buckets: str
    grades: list[str]

    @property
    def token(self) -> str:
        """Names this state of the page."""
        return f"{self.clocks.known_at}|{self.currency}|{self.buckets}|{','.join(self.grades)}"

    def money(self, minor: float | int | None) -> str:
        """An amount of the currency, short."""
        return short_money(None if minor is None else int(minor), self.currency)


@st.fragment
def _body(clocks: Clocks) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.container(width=130)
        buckets_name, grades = _controls()
    if grades:
        with st.container(horizontal=True):
            st.badge(f"Grade: {', '.join(grades)}", color="gray")
    _held(clocks)
    every = data.portfolio(clocks.as_of, clocks.known_at, grades)
    if every.is_empty():
        st.info("No loan matches these filters. Take one away.")
        _done(f"{clocks.known_at}||{buckets_name}|{','.join(grades)}")
        return
    held = currencies(every)
    with chosen:
        currency = st.selectbox(
            "Currency", held, key="currency", bind="query-params",
            help="Amounts of different currencies have no sum: the page shows one at a time.",
        )  # fmt: skip
    view = View(clocks, currency or held[0], buckets_name, grades)
    grouped = of_currency(every, view.currency)
    _figures(view, grouped)
    buckets = data.policies().buckets(buckets_name, clocks.as_of)
    table = by_bucket(grouped, buckets)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _bucket_chart(view, table, buckets)
    with right.container(border=True, height="stretch"):
        _late_chart(view, grouped)
    _flows(view)
    _strats(view, table)
    _quality(clocks)
    _done(view.token)


def _bucket_chart(view: View, table: pl.DataFrame, buckets: Buckets) -> None:
    st.subheader(
        f"Principal past due by bucket, “{buckets.ranges[0].label}” left out",
        anchor=False, help=metrics.BY_BUCKET.definition,
    )  # fmt: skip
    st.plotly_chart(
        charts.bucket_bars(table, view.currency, palette(), view.token),
        theme=None, config=CONFIG, key="buckets",
    )  # fmt: skip
    st.caption(f"{metrics.BY_BUCKET.numerator} ÷ {metrics.BY_BUCKET.denominator}, {view.currency}. "
               f"Buckets: {view.buckets}, version {buckets.version}.")  # fmt: skip


def _late_chart(view: View, grouped: pl.DataFrame) -> None:
    st.subheader("Late loans by days past due", anchor=False, help=metrics.DPD.definition)
    late = dpd_distribution(grouped)
    if late.is_empty():
        st.info(f"No loan in {view.currency} is past due on this date.")
    else:
        st.plotly_chart(
            charts.dpd_bars(late, view.currency, palette(), view.token, STEP),
            theme=None, config=CONFIG, key="dpd",
        )  # fmt: skip
    st.caption(f"{metrics.DPD.numerator}, {view.currency}. Charged-off loans "
               f"{metrics.DPD.charged_off}.")  # fmt: skip


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
        st.dataframe(
            held.drop("loan_id").with_columns(pl.col("law").str.replace_all("_", " ")),
            hide_index=True,
            column_config={
                "loan_key": "Loan", "product": "Product", "since": "Held since",
                "good_until": "Good until", "law": "Law", "figures": "Figures", "remedy": "Remedy",
            },
        )  # fmt: skip


EXPANDED = 5
"""So many held loans are shown without a click."""


def _controls() -> tuple[str, list[str]]:
    """Bucket file and filters."""
    name = st.selectbox(
        "Buckets", data.bucket_files(), key="buckets_file", bind="query-params", width=220,
        help="Any date under any bucket file, from the stored days past due.",
    )  # fmt: skip
    with st.popover("Filters", icon=":material/filter_list:"):
        options = data.ask(data.GRADES, 0)["value"].to_list()
        grades = st.multiselect("Grade", options, key="grade", bind="query-params")
    return str(name or "default"), list(grades)


def _figures(view: View, grouped: pl.DataFrame) -> None:
    """Four figures with their line over the month ends and the change over thirty days."""
    now = key_figures(grouped)
    before = _figures_on(view.clocks.as_of - dt.timedelta(days=30), view)
    months = [_figures_on(date, view) for date in _month_ends(view.clocks)]
    past = [figures for figures in [*months, now] if figures]
    unit = 10 ** EXPONENT[view.currency]

    def line(name: str, unit: float = 1) -> list[float]:
        return [value / unit for figures in past if (value := figures[name]) is not None]

    change = None
    if before and now["par_30"] is not None and before["par_30"] is not None:
        change = points(now["par_30"] - before["par_30"])
    # columns, for a row of cards with lines would wrap at 900 px
    principal, loans, at_risk, overdue = st.columns(4, gap="small")
    with principal:
        _card(metrics.PRINCIPAL, view.money(now["principal"]),
              _money_change(view, now, before, "principal"), line("principal", unit))  # fmt: skip
    with loans:
        _card(metrics.LOANS, count(_int(now["loans"])), _count_change(now, before), line("loans"))
    with at_risk:
        _card(metrics.PAR_30, share(now["par_30"]), change, line("par_30", 0.01),
              worse_when_up=True)  # fmt: skip
    with overdue:
        _card(metrics.OVERDUE, view.money(now["overdue"]),
              _money_change(view, now, before, "overdue"), line("overdue", unit),
              worse_when_up=True)  # fmt: skip
    st.caption(f"Loans in {view.currency}. Change against thirty days before; lines are month ends, as "
               "known now.")  # fmt: skip


def _month_ends(clocks: Clocks) -> list[dt.date]:
    """Month ends before the date that the book has lived, the last `MONTHS` of them."""
    first, _ = data.ledger().published_range()
    found: list[dt.date] = []
    date = clocks.as_of.replace(day=1) - dt.timedelta(days=1)
    while first is not None and date >= first and len(found) < MONTHS - 1:
        found.append(date)
        date = date.replace(day=1) - dt.timedelta(days=1)
    return found[::-1]


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
        chart_data=line if len(line) > 1 else None, chart_type="line",
    )  # fmt: skip


Figures = dict[str, float | int | None]


def _money_change(view: View, now: Figures, before: Figures | None, name: str) -> str | None:
    if before is None or now[name] is None or before[name] is None:
        return None
    change = int(now[name] or 0) - int(before[name] or 0)
    return f"{'+' if change >= 0 else '-'}{view.money(abs(change))}"


def _count_change(now: Figures, before: Figures | None) -> str | None:
    if before is None:
        return None
    return f"{int(now['loans'] or 0) - int(before['loans'] or 0):+,}"


def _figures_on(date: dt.date, view: View) -> Figures | None:
    """Key figures of another date under the same filters, as known at the same version."""
    every = data.portfolio(date, view.clocks.known_at, view.grades)
    rows = of_currency(every, view.currency)
    return key_figures(rows) if rows.height else None


def _flows(view: View) -> None:
    where, values = data.of_grades(view.grades, "t")
    known = view.clocks.known_at
    flows = data.ask(data.FLOWS.format(where=where), known, CURRENCY_CODES[view.currency], known,
                     view.clocks.as_of, *values)  # fmt: skip
    with st.container(border=True):
        st.subheader(
            f"Disbursed and collected by month, {view.currency}", anchor=False,
            help=metrics.FLOWS.definition,
        )  # fmt: skip
        st.plotly_chart(
            charts.flow_bars(flows, view.currency, palette(), view.token),
            theme=None, config=CONFIG, key="flows",
        )  # fmt: skip
        st.caption(f"{metrics.FLOWS.numerator}. {metrics.FLOWS.charged_off.capitalize()}.")


def _strats(view: View, table: pl.DataFrame) -> None:
    clocks, decimals = view.clocks, EXPONENT[view.currency]
    units = pl.Decimal(38, decimals)
    one = pl.lit(Decimal(1).scaleb(-decimals), dtype=units)
    shown = table.select(
        pl.lit(clocks.as_of).alias("as_of"), pl.lit(clocks.known_at).alias("version"),
        pl.lit(view.currency).alias("currency"), "bucket", "loans",
        (pl.col("principal").cast(units) * one).cast(units).alias("principal"), "share",
    )  # fmt: skip
    about = {
        "what": metrics.BY_BUCKET.definition, "buckets": view.buckets,
        "as of": clocks.as_of.isoformat(), "version": str(clocks.known_at),
        "made at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "rows": str(shown.height),
        "principal": f"units of {view.currency}",
    }  # fmt: skip
    name = f"portfolio_by_bucket_{view.currency}_{clocks.as_of}_v{clocks.known_at}"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                "By bucket", anchor=False, help=metrics.BY_BUCKET.definition, width="stretch"
            )
            st.download_button("CSV", lambda: exports.csv(shown), f"{name}.csv", "text/csv",
                               icon=":material/download:", on_click="ignore")  # fmt: skip
            st.download_button("Parquet", lambda: exports.parquet(shown, about), f"{name}.parquet",
                               icon=":material/download:", on_click="ignore")  # fmt: skip
            st.download_button("XLSX", lambda: exports.xlsx(shown, about), f"{name}.xlsx",
                               icon=":material/download:", on_click="ignore")  # fmt: skip
        st.dataframe(
            shown.select(
                "bucket", "loans", pl.col("principal").cast(pl.Float64), pl.col("share") * 100
            ),
            hide_index=True,
            column_config={
                "bucket": st.column_config.TextColumn("Days past due"),
                "loans": st.column_config.NumberColumn("Loans", format="localized"),
                "principal": st.column_config.NumberColumn(
                    f"Principal, {view.currency}", format=f"%,.{decimals}f"
                ),
                "share": st.column_config.NumberColumn("Share", format="%.2f %%"),
            },
        )


def _quality(clocks: Clocks) -> None:
    checks = data.ask(data.CHECKS, clocks.version, clocks.version)
    failed = checks.filter(~pl.col("passed")).height
    with st.container(border=True):
        st.subheader(
            "Quality of the run", anchor=False,
            help="Conservation laws are checked before a version is committed, the expectations "
            "and the comparison before it is published. Readers see it only if all passed.",
        )  # fmt: skip
        st.dataframe(
            checks.with_columns(
                passed=pl.when("passed").then(pl.lit("✓ passed")).otherwise(pl.lit("✗ failed"))
            ),
            hide_index=True,
            column_config={
                "suite": "Suite", "name": "Check", "passed": "Result",
                "broken": st.column_config.NumberColumn("Rows that break it"), "figures": "Saw",
            },
        )  # fmt: skip
        st.caption(
            f"{checks.height} checks of version {clocks.version}, {day(clocks.as_of)}; {failed} failed."
        )


def _done(token: str) -> None:
    """A hidden mark by which a browser test knows that this state of the page is complete."""
    st.html(f"<span data-testid='done' data-token='{token}' style='display:none'></span>")
