"""Portfolio: what do we hold, and does it get better?"""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.reporting import metrics
from loanbook.core.reporting.portfolio import STEP, by_bucket, dpd_distribution, key_figures
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


@st.fragment
def _body(clocks: Clocks) -> None:
    buckets_name, grades = _controls()
    token = f"{clocks.known_at}|{buckets_name}|{','.join(grades)}"
    _held(clocks)
    grouped = data.portfolio(clocks.as_of, clocks.known_at, grades)
    if grouped.is_empty():
        st.info("No loan matches these filters. Take one away.")
        _done(token)
        return
    _figures(clocks, grouped, grades)
    colours = palette()
    buckets = data.policies().buckets(buckets_name, clocks.as_of)
    table = by_bucket(grouped, buckets)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.subheader(
            f"Principal past due by bucket, “{buckets.ranges[0].label}” left out",
            anchor=False, help=metrics.BY_BUCKET.definition,
        )  # fmt: skip
        st.plotly_chart(
            charts.bucket_bars(table, colours, token), theme=None, config=CONFIG, key="buckets"
        )
        st.caption(f"{metrics.BY_BUCKET.numerator} ÷ {metrics.BY_BUCKET.denominator}. "
                   f"Buckets: {buckets_name}, version {buckets.version}.")  # fmt: skip
    with right.container(border=True, height="stretch"):
        st.subheader("Late loans by days past due", anchor=False, help=metrics.DPD.definition)
        late = dpd_distribution(grouped)
        if late.is_empty():
            st.info("No loan is past due on this date.")
        else:
            st.plotly_chart(
                charts.dpd_bars(late, colours, token, STEP), theme=None, config=CONFIG, key="dpd"
            )
        st.caption(f"{metrics.DPD.numerator}. Charged-off loans {metrics.DPD.charged_off}.")
    _flows(clocks, grades, token)
    _strats(clocks, table, buckets_name)
    _quality(clocks)
    _done(token)


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
    """Bucket file and filters; active filters stand as badges under the row."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Buckets", data.bucket_files(), key="buckets_file", bind="query-params", width=220,
            help="Any date under any bucket file, from the stored days past due.",
        )  # fmt: skip
        with st.popover("Filters", icon=":material/filter_list:"):
            options = data.ask(data.GRADES, 0)["value"].to_list()
            grades = st.multiselect("Grade", options, key="grade", bind="query-params")
    if grades:
        with st.container(horizontal=True):
            st.badge(f"Grade: {', '.join(grades)}", color="gray")
    return str(name or "default"), list(grades)


def _figures(clocks: Clocks, grouped: pl.DataFrame, grades: list[str]) -> None:
    """Four figures with their line over the month ends and the change over thirty days."""
    now = key_figures(grouped)
    before = _figures_on(clocks.as_of - dt.timedelta(days=30), clocks, grades)
    months = [_figures_on(date, clocks, grades) for date in _month_ends(clocks)]
    past = [figures for figures in [*months, now] if figures]

    def line(name: str, unit: float = 1) -> list[float]:
        return [value / unit for figures in past if (value := figures[name]) is not None]

    change = None
    if before and now["par_30"] is not None and before["par_30"] is not None:
        change = points(now["par_30"] - before["par_30"])
    # columns, for a row of cards with lines would wrap at 900 px
    principal, loans, at_risk, overdue = st.columns(4, gap="small")
    with principal:
        _card(metrics.PRINCIPAL, short_money(_int(now["principal"])),
              _money_change(now, before, "principal"), line("principal", 100))  # fmt: skip
    with loans:
        _card(metrics.LOANS, count(_int(now["loans"])), _count_change(now, before), line("loans"))
    with at_risk:
        _card(metrics.PAR_30, share(now["par_30"]), change, line("par_30", 0.01),
              worse_when_up=True)  # fmt: skip
    with overdue:
        _card(metrics.OVERDUE, short_money(_int(now["overdue"])),
              _money_change(now, before, "overdue"), line("overdue", 100),
              worse_when_up=True)  # fmt: skip
    st.caption("Change against thirty days before; lines are month ends, as known now.")


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


def _money_change(now: Figures, before: Figures | None, name: str) -> str | None:
    if before is None or now[name] is None or before[name] is None:
        return None
    change = int(now[name] or 0) - int(before[name] or 0)
    return f"{'+' if change >= 0 else '-'}{short_money(abs(change))}"


def _count_change(now: Figures, before: Figures | None) -> str | None:
    if before is None:
        return None
    return f"{int(now['loans'] or 0) - int(before['loans'] or 0):+,}"


def _figures_on(date: dt.date, clocks: Clocks, grades: list[str]) -> Figures | None:
    """Key figures of another date under the same filters, as known at the same version."""
    rows = data.portfolio(date, clocks.known_at, grades)
    return key_figures(rows) if rows.height else None


def _flows(clocks: Clocks, grades: list[str], token: str) -> None:
    where, values = data.of_grades(grades, "t")
    flows = data.ask(
        data.FLOWS.format(where=where), clocks.known_at, clocks.known_at, clocks.as_of, *values
    )
    with st.container(border=True):
        st.subheader(
            "Disbursed and collected by month", anchor=False, help=metrics.FLOWS.definition
        )
        st.plotly_chart(
            charts.flow_bars(flows, palette(), token), theme=None, config=CONFIG, key="flows"
        )
        st.caption(f"{metrics.FLOWS.numerator}. {metrics.FLOWS.charged_off.capitalize()}.")


def _strats(clocks: Clocks, table: pl.DataFrame, buckets_name: str) -> None:
    shown = table.select("bucket", "loans", "principal", "share")
    about = {
        "what": metrics.BY_BUCKET.definition, "buckets": buckets_name,
        "as of": clocks.as_of.isoformat(), "version": str(clocks.known_at),
        "made at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "rows": str(shown.height),
        "principal": "minor units",
    }  # fmt: skip
    name = f"portfolio_by_bucket_{clocks.as_of}_v{clocks.known_at}"
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
            shown.with_columns(pl.col("principal") / 100, pl.col("share") * 100),
            hide_index=True,
            column_config={
                "bucket": st.column_config.TextColumn("Days past due"),
                "loans": st.column_config.NumberColumn("Loans", format="localized"),
                "principal": st.column_config.NumberColumn("Principal", format="%,.2f"),
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
