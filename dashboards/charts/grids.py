"""Grids: a triangle of cohorts, a roll matrix. Shade is never alone: each cell has its figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from loanbook.dashboards.theme import Palette, layout

Values = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Grid:
    """Labels of columns and rows, values (per cent) and texts of the cells."""

    columns: Sequence[str]
    rows: Sequence[str]
    values: Values
    texts: Sequence[Sequence[str]]
    hovers: Sequence[Sequence[str]]


def _percentile(values: Values, share: float) -> float:
    known = sorted(v for row in values for v in row if v is not None)
    return known[min(int(share * len(known)), len(known) - 1)] if known else 1.0


def heat(
    grid: Grid,
    colours: Palette,
    token: str,
    *,
    across: str,
    down: str,
    outlined: Sequence[tuple[int, int]] = (),
) -> go.Figure:
    """The grid as a heat map, shaded from 0 to the 97th percentile; text light on dark shades, dark on pale ones."""
    top = _percentile(grid.values, 0.97) or 1.0
    steps = len(colours.sequence) - 1
    scale = [[n / steps, shade] for n, shade in enumerate(colours.sequence)]
    figure = go.Figure(
        go.Heatmap(
            x=list(range(len(grid.columns))), y=list(range(len(grid.rows))), z=grid.values, zmin=0, zmax=top,
            colorscale=scale, showscale=False, xgap=1, ygap=1, hoverongaps=False, customdata=grid.hovers,
            hovertemplate="%{customdata}<extra></extra>",
        )
    )  # fmt: skip
    dark_theme = colours.background.lower() < "#800000"
    for is_dark in (False, True):
        cells = [
            (x, y, grid.texts[y][x])
            for y, row in enumerate(grid.values)
            for x, value in enumerate(row)
            if value is not None and ((value / top > 0.5) != dark_theme) == is_dark
        ]
        figure.add_scatter(
            x=[x for x, _, _ in cells], y=[y for _, y, _ in cells], text=[t for _, _, t in cells], mode="text",
            textfont={"color": "#FFFFFF" if is_dark else "#10151C", "size": 12}, hoverinfo="skip",
        )  # fmt: skip
    for x, y in outlined:
        figure.add_shape(
            type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5,
            line={"color": colours.muted, "width": 1.5},
        )  # fmt: skip
    figure.update_layout(
        layout(
            colours, token, hovermode="closest", height=90 + 34 * max(len(grid.rows), 2), dragmode=False,
            xaxis={"title": {"text": across}, "tickvals": list(range(len(grid.columns))),
                   "ticktext": list(grid.columns), "side": "top", "showgrid": False, "zeroline": False, "tickangle": 0},
            yaxis={"title": {"text": down}, "tickvals": list(range(len(grid.rows))), "ticktext": list(grid.rows),
                   "autorange": "reversed", "rangemode": "normal", "showgrid": False, "zeroline": False},
        )
    )  # fmt: skip
    return figure
