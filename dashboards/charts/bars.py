"""Bars of the portfolio page: buckets, and loans by days past due."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

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
        layout(
            colours,
            token,
            yaxis={"ticksuffix": " %"},
            xaxis={
                "type": "category",
                "tickangle": 0,
                "tickfont": {"color": colours.muted, "size": 11},
            },
        )
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


def dpd_columns(rows: pl.DataFrame, colours: Palette, token: str) -> go.Figure:
    """Days past due of a loan by `business_date`, shaded by steps of thirty."""
    places = [0 if d == 0 else 1 + (d - 1) // 30 for d in rows["days_past_due"]]
    figure = go.Figure(
        go.Bar(
            x=rows["business_date"].to_list(), y=rows["days_past_due"].to_list(),
            marker={"color": [_shade(colours, p) for p in places], "line": {"width": 0}},
            hovertemplate="%{y} days<extra></extra>",
        )
    )  # fmt: skip
    most = int(rows["days_past_due"].max() or 0)  # type: ignore[arg-type]
    figure.update_layout(
        layout(colours, token, bargap=0, yaxis={"range": [0, max(most * 1.05, 10)]})
    )
    return figure
