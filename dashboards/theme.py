"""Colours by theme, after Okabe and Ito; never colour alone. One Plotly layout for all charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class Palette:
    """Colours of one theme."""

    text: str
    muted: str
    grid: str
    accent: str
    background: str
    categories: tuple[str, ...]
    days_past_due: tuple[str, ...]


LIGHT = Palette(
    "#1B2430", "#5F6C7B", "#E6EAF0", "#D55E00", "#FFFFFF",
    ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"),
    ("#C9D3DE", "#F7D58B", "#F2A65A", "#E0703F", "#B63A4E", "#7A1E5C", "#5A1850", "#3B1344"),
)  # fmt: skip
DARK = Palette(
    "#E4E9F0", "#97A4B3", "#2A3441", "#FF8A4C", "#11161D",
    ("#56B4E9", "#F0B429", "#2EC4A0", "#FF8A4C", "#9AD0F5", "#E39AC3"),
    ("#3A4654", "#F7D58B", "#F2A65A", "#E0703F", "#C2485B", "#9A3F86", "#B07FC0", "#C7A0E0"),
)  # fmt: skip


def palette() -> Palette:
    """The palette of the theme the reader uses."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def layout(colours: Palette, token: str, **more: Any) -> dict[str, Any]:
    """The one layout of every chart; `token` lets a test see that the chart is up to date."""
    axis = {
        "gridcolor": colours.grid, "zerolinecolor": colours.grid, "linecolor": colours.grid,
        "tickfont": {"color": colours.muted}, "title": {"font": {"color": colours.muted, "size": 13}},
        "fixedrange": True,
    }  # fmt: skip
    base = {
        "height": 300, "margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "showlegend": False,
        "hovermode": "x unified", "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Source Sans, sans-serif", "size": 13, "color": colours.text},
        "hoverlabel": {"bgcolor": colours.background, "font": {"color": colours.text}},
        "xaxis": axis | {"automargin": True, "showgrid": False},
        "yaxis": axis | {"automargin": True, "rangemode": "tozero"},
        "bargap": 0.25, "meta": token, "separators": ".,",
    }  # fmt: skip
    for name, value in more.items():
        old = base.get(name)
        base[name] = old | value if isinstance(old, dict) and isinstance(value, dict) else value
    return base


CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}
"""Mode bar: a PNG at twice the size, nothing else."""
