"""Flows: a bridge from opening to closing, money from bucket to bucket, columns by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from loanbook.core.contract.money import EXPONENT
from loanbook.core.words import counted
from loanbook.dashboards.formats import short_money
from loanbook.dashboards.theme import Look, Palette, layout


def bridge(
    steps: Sequence[tuple[str, int]], currency: str, colours: Palette, token: str
) -> go.Figure:
    """From the first step to the last, which are balances; those between add or take away."""
    unit = 10 ** EXPONENT[currency]
    last = len(steps) - 1
    figure = go.Figure(
        go.Waterfall(
            x=[name.capitalize().replace(" ", "<br>") for name, _ in steps],
            y=[amount / unit for _, amount in steps],
            measure=["absolute" if n in {0, last} else "relative" for n in range(len(steps))],
            text=[short_money(amount, currency) for _, amount in steps], textposition="outside",
            cliponaxis=False,
            connector={"line": {"color": colours.grid}},
            increasing={"marker": {"color": colours.categories[1]}},
            decreasing={"marker": {"color": colours.categories[2]}},
            totals={"marker": {"color": colours.categories[0]}},
            hovertemplate="%{x}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        layout(colours, token, hovermode="closest", margin={"t": 24}, yaxis={"tickformat": "~s"},
               xaxis={"type": "category", "tickangle": 0})
    )  # fmt: skip
    return figure


def sankey(cells: pl.DataFrame, currency: str, colours: Palette, token: str) -> go.Figure:
    """Money from bucket to bucket in a month; what stays in the first one is left out, for it hides the rest."""
    rows = cells.filter((pl.col("origin_place") > 0) | (pl.col("target_place") > 0)).filter(
        pl.col("amount") > 0
    )
    origins = rows.sort("origin_place")["origin"].unique(maintain_order=True).to_list()
    targets = rows.sort("target_place")["target"].unique(maintain_order=True).to_list()
    places = dict(
        zip(
            rows.sort("target_place")["target"],
            rows.sort("target_place")["target_place"],
            strict=True,
        )
    )
    from_places = dict(zip(rows["origin"], rows["origin_place"], strict=True))
    shades = colours.days_past_due
    nodes = [shades[min(from_places[name], len(shades) - 1)] for name in origins] + [
        shades[min(places[name], len(shades) - 1)] for name in targets
    ]
    figure = go.Figure(
        go.Sankey(
            node={"label": [*origins, *targets], "color": nodes, "pad": 18, "thickness": 14,
                  "line": {"width": 0}, "hovertemplate": "%{label}<extra></extra>"},
            link={
                "source": [origins.index(name) for name in rows["origin"]],
                "target": [len(origins) + targets.index(name) for name in rows["target"]],
                "value": rows["amount"].to_list(),
                "customdata": [
                    f"{o} → {t}: {short_money(a, currency)}, {counted(n, 'loan')}"
                    for o, t, a, n in rows.select("origin", "target", "amount", "loans").rows()
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
                "color": colours.grid,
            },
            textfont={"color": colours.text, "size": 13},
        )
    )  # fmt: skip
    figure.update_layout(
        layout(colours, token, height=340, hovermode="closest", margin={"t": 16, "b": 16})
    )
    return figure


def name_above(figure: go.Figure, series: Sequence[tuple[str, str, str]]) -> None:
    """Series named above a chart, each by its name, colour and sign, in place of a legend: one text, so that each name
    begins where the one before it ends, however wide the chart is."""
    named = (f'<span style="color:{colour}">{sign} {name}</span>' for name, colour, sign in series)
    figure.add_annotation(
        xref="paper", yref="paper", x=0, y=1.12, showarrow=False, xanchor="left", align="left",
        text="&nbsp;&nbsp;&nbsp;".join(named), font={"size": 12},
    )  # fmt: skip


def month_bars(
    rows: pl.DataFrame, series: Mapping[str, str], look: Look, *,
    stacked: bool = False, line: tuple[str, str] | None = None, hatched: bool = False,
) -> go.Figure:  # fmt: skip
    """Amounts by `month`, a column a series; `line` on top of them; hatched: they are forecasts."""
    colours, currency, token = look.colours, look.currency, look.token
    unit = 10 ** EXPONENT[currency]
    months = [f"{m:%b}<br>{m:%Y}" for m in rows["month"]]
    figure = go.Figure()
    for place, (name, title) in enumerate(series.items()):
        marker: dict[str, Any] = {"color": colours.categories[place % len(colours.categories)]}
        if hatched:
            marker |= {"pattern": {"shape": "/", "size": 5}}
        figure.add_bar(
            x=months, y=[(v or 0) / unit for v in rows[name]], name=title, marker=marker,
            customdata=[short_money(int(v or 0), currency) for v in rows[name]],
            hovertemplate="%{customdata}<extra>" + title + "</extra>",
        )  # fmt: skip
    names = list(series.values())
    shades = list(colours.categories)
    if line:
        figure.add_scatter(
            x=months, y=[(v or 0) / unit for v in rows[line[0]]], name=line[1], mode="lines+markers",
            line={"color": colours.text, "width": 2},
            customdata=[short_money(int(v or 0), currency) for v in rows[line[0]]],
            hovertemplate="%{customdata}<extra>" + line[1] + "</extra>",
        )  # fmt: skip
        names.append(line[1])
    name_above(figure, [
        (name, colours.text, "―") if line and name == line[1] else (name, shades[place % len(shades)], "■")
        for place, name in enumerate(names)
    ])  # fmt: skip
    figure.update_layout(
        layout(colours, token, barmode="relative" if stacked else "group", xaxis={"type": "category", "tickangle": 0},
               yaxis={"tickformat": "~s"}, margin={"t": 36})
    )  # fmt: skip
    return figure


def steps_with_marks(
    rows: pl.DataFrame, marks: pl.DataFrame, currency: str, colours: Palette, token: str
) -> go.Figure:
    """A loan's principal as steps by `business_date`, with `marks` (`value_date`, `kind`, `stands`) of its events."""
    unit = 10 ** EXPONENT[currency]
    figure = go.Figure(
        go.Scatter(
            x=rows["business_date"].to_list(), y=[v / unit for v in rows["principal"]], mode="lines",
            line={"shape": "hv", "color": colours.categories[0], "width": 2}, name="Principal",
            hovertemplate="%{y:,.2f}<extra>Principal</extra>",
        )
    )  # fmt: skip
    at = dict(zip(rows["business_date"], rows["principal"], strict=True))
    seen = marks.filter(pl.col("value_date").is_in(list(at)))
    figure.add_scatter(
        x=seen["value_date"].to_list(), y=[at[d] / unit for d in seen["value_date"]], mode="markers",
        marker={"color": colours.accent, "size": 8,
                "symbol": ["circle" if s else "x" for s in seen["stands"]]},
        customdata=[k.replace("_", " ") for k in seen["kind"]],
        hovertemplate="%{customdata}<extra></extra>", name="Events",
    )  # fmt: skip
    figure.update_layout(layout(colours, token, yaxis={"tickformat": ",.0f"}))
    return figure
