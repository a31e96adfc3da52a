"""Roll rates: where does money go in a month?"""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.policy.models import Buckets
from loanbook.core.reporting import roll_rates
from loanbook.core.reporting.roll_rates import CHARGED_OFF, PAID_OFF, matrix, net_flows
from loanbook.core.store.segments import questions
from loanbook.dashboards.charts.flows import sankey
from loanbook.dashboards.charts.grids import Grid, heat
from loanbook.dashboards.charts.lines import share_lines
from loanbook.dashboards.formats import MISSING, count, share, total
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import Shown, chart, clicked, done, figures
from loanbook.dashboards.parts.scope import Scope, bucket_file, page_scope
from loanbook.dashboards.theme import palette


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Roll rates")
    if scope is None:
        return
    ends = scope.ends
    if len(ends) < 2:
        st.info("Rolls need two month ends; the book has lived fewer by this date.")
        done(scope.token)
        return
    month, over, name = _controls(scope, ends)
    wanted = [end for end in ends if end <= month][-over:]
    question = questions.rolls(scope.segment, ends)
    rows = scope.ask(question)
    chosen = rows.filter(pl.col("business_date").is_in(wanted))
    buckets = scope.buckets(name)
    cells = matrix(chosen, buckets)
    token = f"{scope.token}|{month}|{over}|{name}"
    if cells.is_empty():
        st.info("No loan matches these filters. Take one away.")
        done(token)
        return
    _figures(scope, cells)
    shown = Shown("roll_matrix", cells, [question], ("amount",))
    with st.container(border=True):
        places = _places(buckets)
        chart(
            scope, heat(_grid(scope, cells, places), palette(), token, across="Now", down="A month before", outlined=[(n, n) for n in range(len(buckets.ranges))]),
            f"Roll matrix, {month:%b %Y}" + (f", mean of {len(wanted)} months" if len(wanted) > 1 else ""),
            roll_rates.ROLL, shown, note="Rows sum to 100 %. Click a cell for its history",
        )  # fmt: skip
        _history(scope, rows, buckets, places, token)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        one = matrix(rows.filter(pl.col("business_date") == month), buckets)
        chart(scope, sankey(one, scope.currency, palette(), token), f"Out of and into arrears, {month:%b %Y}", None,
              Shown("roll_flows", one, [question], ("amount",)),
              note=f"What stays {buckets.ranges[0].label} is left out, for it hides the rest")  # fmt: skip
    with right.container(border=True, height="stretch"):
        _net_flow(scope, rows, buckets, shown, token)
    done(token)


def _controls(scope: Scope, ends: list[dt.date]) -> tuple[dt.date, int, str]:
    with scope.row:
        months = [f"{end:%Y-%m}" for end in ends[1:]][::-1]
        month = st.selectbox("Month", months, key="month", bind="query-params", width=130)
        over = st.segmented_control("Mean of", [1, 3, 6, 12], default=1, key="over", bind="query-params",
                                    format_func=lambda n: f"{n} m")  # fmt: skip
        name = bucket_file()
    end = next((e for e in ends if f"{e:%Y-%m}" == month), ends[-1])
    return end, int(over or 1), name


def _places(buckets: Buckets) -> list[str]:
    return [*(each.label for each in buckets.ranges), CHARGED_OFF, PAID_OFF]


def _grid(scope: Scope, cells: pl.DataFrame, places: list[str]) -> Grid:
    live = len(places) - 2
    found = {(r["origin_place"], r["target_place"]): r for r in cells.to_dicts()}

    def cell(row: int, column: int) -> dict[str, object] | None:
        return found.get((row, column))

    values = [[100 * float(str(c["share"])) if (c := cell(r, n)) and c["share"] is not None else None
               for n in range(len(places))] for r in range(live)]  # fmt: skip
    texts = [["" if v is None else f"{v:.1f}" for v in row] for row in values]
    hovers = [[
        f"{places[r]} → {places[n]}: {scope.money(int(str(c['amount'])))}, {count(int(str(c['loans'])))} loans"
        if (c := cell(r, n)) else "" for n in range(len(places))] for r in range(live)]  # fmt: skip
    return Grid(places, places[:live], values, texts, hovers)


def _history(
    scope: Scope, rows: pl.DataFrame, buckets: Buckets, places: list[str], token: str
) -> None:
    point = clicked(st.session_state.get("roll_matrix"))
    if point is None:
        return
    row, column = (int(float(str(point.get(axis, -1)))) for axis in ("y", "x"))
    if not (0 <= row < len(places) - 2 and 0 <= column < len(places)):
        return
    every = matrix(rows, buckets, ["business_date"]).filter(
        (pl.col("origin_place") == row) & (pl.col("target_place") == column)
    )
    st.caption(f"{places[row]} → {places[column]} by month")
    if every.is_empty():
        st.info("Nothing went that way in any month.")
        return
    st.plotly_chart(share_lines(every, "business_date", {"share": "share"}, palette(), token), theme=None,
                    key="roll_history", alt=f"{places[row]} to {places[column]} by month")  # fmt: skip


def _net_flow(scope: Scope, rows: pl.DataFrame, buckets: Buckets, shown: Shown, token: str) -> None:
    flows = net_flows(rows, buckets)
    named = flows["bucket"].unique(maintain_order=True).to_list()
    lines = {bucket: f"into {bucket}" for bucket in named[:4]}
    wide = (
        flows.pivot("bucket", index="business_date", values="flow").sort("business_date")
        if flows.height
        else flows
    )
    if flows.is_empty():
        st.subheader("Net flow", anchor=False, help=roll_rates.NET_FLOW.definition)
        st.info("Nothing was late in these months.")
        return
    chart(scope, share_lines(wide, "business_date", lines, palette(), token), "Net flow", roll_rates.NET_FLOW,
          Shown("net_flow", flows, shown.questions), note="Not a roll rate: it follows balances, not loans")  # fmt: skip


def _figures(scope: Scope, cells: pl.DataFrame) -> None:
    def rate(where: pl.Expr) -> float | None:
        late = cells.filter(pl.col("origin_place") > 0)
        whole = total(late["amount"])
        return total(late.filter(where)["amount"]) / whole if whole else None

    current = cells.filter(pl.col("origin_place") == 0)
    entered = current.filter(
        (pl.col("target_place") > 0) & ~pl.col("target").is_in([CHARGED_OFF, PAID_OFF])
    )
    whole = total(current["amount"])
    worse = (pl.col("target_place") > pl.col("origin_place")) & (pl.col("target") != PAID_OFF)
    late = total(cells.filter(pl.col("origin_place") > 0)["amount"])
    figures(scope, [
        ("Late a month before", scope.money(late) if late else MISSING, None),
        ("Current that became late", share(total(entered["amount"]) / whole if whole else None), "of current"),
        ("Late that got worse", share(rate(worse)), "of late"),
        ("Late that is current or paid", share(rate((pl.col("target_place") == 0) | (pl.col("target") == PAID_OFF))), "of late"),
    ])  # fmt: skip


PAGE = Page("roll-rates", "Roll rates", ":material/grid_on:", "Risk", draw)
