"""Figures of the pages as functions of frames: no page state, so that a test can call them."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from loanbook.core.contract.money import EXPONENT
from loanbook.dashboards.formats import count, share, short_money
from loanbook.dashboards.theme import Palette, layout


def bucket_bars(rows: pl.DataFrame, currency: str, colours: Palette, token: str) -> go.Figure:
    """Share of principal per bucket, the first one (not late) left out."""
    late = rows.filter(pl.col("place") > 0)
    figure = go.Figure(
        go.Bar(
            x=late["bucket"].to_list(),
            y=[100 * (v or 0) for v in late["share"]],
            marker={"color": [_shade(colours, p) for p in late["place"]]},
            text=[share(v) for v in late["share"]],
            textposition="outside",
            customdata=[
                [short_money(p, currency), count(n)]
                for p, n in late.select("principal", "loans").rows()
            ],
            hovertemplate="%{customdata[0]} in %{customdata[1]} loans<extra></extra>",
        )
    )
    figure.update_layout(
        layout(colours, token, yaxis={"ticksuffix": " %"}, xaxis={"type": "category"})
    )
    return figure


def _shade(colours: Palette, place: int) -> str:
    return colours.days_past_due[min(place, len(colours.days_past_due) - 1)]


def dpd_bars(
    rows: pl.DataFrame, currency: str, colours: Palette, token: str, step: int
) -> go.Figure:
    """Late loans by ranges of days past due."""
    figure = go.Figure(
        go.Bar(
            x=[d + (step - 1) / 2 for d in rows["from_day"]],
            y=rows["loans"].to_list(),
            width=step * 0.85,
            marker={"color": colours.categories[0]},
            customdata=[
                [f"{d}–{d + step - 1}", short_money(p, currency)]
                for d, p in rows.select("from_day", "principal").rows()
            ],
            hovertemplate="%{customdata[0]} days: %{y:,} loans, %{customdata[1]}<extra></extra>",
        )
    )
    figure.update_layout(
        layout(
            colours, token,
            hovermode="closest",
            xaxis={"title": {"text": "Days past due", "font": {"color": colours.muted, "size": 13}},
                   "dtick": 30, "tick0": 0, "rangemode": "tozero"},
        )
    )  # fmt: skip
    return figure


def flow_bars(rows: pl.DataFrame, currency: str, colours: Palette, token: str) -> go.Figure:
    """Disbursed and collected side by side, by month; named at their last column."""
    months = [f"{m:%b %Y}" for m in rows["month"]]
    figure = go.Figure()
    for place, name in enumerate(("disbursed", "collected")):
        values = [(v or 0) / 10 ** EXPONENT[currency] for v in rows[name]]
        figure.add_bar(
            x=months, y=values, name=name.capitalize(), marker={"color": colours.categories[place]},
            customdata=[short_money(v or 0, currency) for v in rows[name]],
            hovertemplate=f"{name.capitalize()} %{{customdata}}<extra></extra>",
        )  # fmt: skip
    for place, name in enumerate(("disbursed", "collected")):
        figure.add_annotation(
            xref="paper", yref="paper", x=1, y=1 - 0.09 * place, showarrow=False, xanchor="right",
            text=f"■ {name.capitalize()}", font={"color": colours.categories[place]},
        )  # fmt: skip
    figure.update_layout(
        layout(colours, token, xaxis={"type": "category"}, yaxis={"tickformat": "~s"})
    )
    return figure
