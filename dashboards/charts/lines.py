"""Lines over time: cohorts by months on book, shares by month or day. Named at their end, no legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import polars as pl

from loanbook.dashboards.theme import Palette, layout


def _colours(names: Sequence[str], colours: Palette, ordered: bool) -> dict[str, str]:
    """Of ordered names a ramp from pale to dark with the newest in accent; else categories."""
    if not ordered:
        return {
            name: colours.categories[n % len(colours.categories)] for n, name in enumerate(names)
        }
    ramp = colours.sequence[3:9]
    last = max(len(names) - 1, 1)
    shades = {name: ramp[round(n / last * (len(ramp) - 1))] for n, name in enumerate(names)}
    if names:
        shades[names[-1]] = colours.accent
    return shades


def cohort_lines(
    rates: pl.DataFrame, colours: Palette, token: str, *, ordered: bool, only: str | None = None
) -> go.Figure:
    """Rates by months on book, a line a cohort: whole while all its loans are old enough, then dotted."""
    figure = go.Figure()
    names = rates["cohort"].unique(maintain_order=True).to_list()
    shades = _colours(names, colours, ordered)
    ends: list[tuple[float, float, str]] = []
    for name in names if only is None else [only]:
        line = rates.filter(pl.col("cohort") == name)
        whole = line.filter("complete")
        rest = line.filter(pl.col("mob") >= int(whole["mob"].max() or 0)) if whole.height else line  # type: ignore[arg-type]
        for part, dash in ((whole, "solid"), (rest, "dot")):
            if part.is_empty() or (dash == "dot" and part.height < 2 and whole.height):
                continue
            figure.add_scatter(
                x=part["mob"].to_list(), y=[100 * r for r in part["rate"]], name=name.strip(),
                mode="lines+markers" if part.height == 1 else "lines",
                line={"color": shades[name], "dash": dash, "width": 2},
                customdata=part["base"].to_list(),
                hovertemplate="%{y:.2f} %<extra>" + name.strip() + "</extra>",
            )  # fmt: skip
        last = line.row(-1, named=True)
        ends.append((last["mob"], 100 * last["rate"], name))
    for x, y, name in _apart(ends, 100 * float(rates["rate"].max() or 0)):  # type: ignore[arg-type]
        figure.add_annotation(
            x=x, y=y, text=name.strip(), showarrow=False, xanchor="left", xshift=6,
            font={"color": shades[name], "size": 12},
        )  # fmt: skip
    furthest = max((x for x, _, _ in ends), default=1)
    figure.update_layout(
        layout(
            colours, token, height=340, yaxis={"ticksuffix": " %"}, margin={"r": 90},
            xaxis={"title": {"text": "Months on book"}, "range": [0, max(furthest, 1) * 1.02],
                   "dtick": 1 if furthest <= 24 else 6},
        )
    )  # fmt: skip
    return figure


def _apart(ends: list[tuple[float, float, str]], top: float) -> list[tuple[float, float, str]]:
    """Labels moved apart so that none covers another: those too near stand around the middle of their lines."""
    gap = (top or 1) * 0.065
    floor = min([0.0, *(y for _, y, _ in ends)])
    groups: list[list[tuple[float, float, str]]] = []

    def first(group: list[tuple[float, float, str]]) -> float:
        middle = sum(y for _, y, _ in group) / len(group)
        return max(floor, middle - gap * (len(group) - 1) / 2)

    for each in sorted(ends, key=lambda end: end[1]):
        groups.append([each])
        while len(groups) > 1 and first(groups[-1]) < first(groups[-2]) + gap * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    return [
        (x, first(group) + gap * n, name)
        for group in groups
        for n, (x, _, name) in enumerate(group)
    ]


def share_lines(
    rows: pl.DataFrame,
    x: str,
    lines: Mapping[str, str],
    colours: Palette,
    token: str,
    *,
    cut: float | None = None,
) -> go.Figure:
    """Columns of shares by date: `lines` gives each column's name on the chart; points above `cut` are left out."""
    figure = go.Figure()
    ends = []
    highest = 0.0
    most = float("inf") if cut is None else cut
    for place, (column, name) in enumerate(lines.items()):
        colour = colours.categories[place % len(colours.categories)]
        values = [None if v is None or 100 * v > most else 100 * v for v in rows[column]]
        figure.add_scatter(
            x=rows[x].to_list(), y=values, name=name, mode="lines+markers" if rows.height < 40 else "lines",
            line={"color": colour, "width": 2, "dash": ("solid", "dash", "dot", "dashdot")[place % 4]},
            hovertemplate="%{y:.2f} %<extra>" + name + "</extra>",
        )  # fmt: skip
        known = [v for v in values if v is not None]
        if known:
            highest = max(highest, *known)
            ends.append((place, known[-1], name))
    for at, y, name in _apart([(float(p), v, n) for p, v, n in ends], highest):
        figure.add_annotation(
            xref="paper", x=1, y=y, text=name, showarrow=False, xanchor="left", xshift=6,
            font={"color": colours.categories[int(at) % len(colours.categories)], "size": 12},
        )  # fmt: skip
    figure.update_layout(
        layout(
            colours,
            token,
            yaxis={"ticksuffix": " %"},
            margin={"r": 24 + max((7 * len(n) for n in lines.values()), default=0)},
            xaxis=_of_dates(rows[x]),
        )
    )
    return figure


def _of_dates(dates: pl.Series) -> dict[str, object]:
    """A few dates have a tick each."""
    if dates.len() <= 12:
        return {"tickvals": dates.to_list(), "tickformat": "%b<br>%Y", "tickangle": 0}
    days = (dates.max() - dates.min()).days  # type: ignore[operator, union-attr]
    return {"tickformat": "%d %b" if days < 200 else "%b<br>%Y", "nticks": 6, "tickangle": 0}
