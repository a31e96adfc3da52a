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
    sequence: tuple[str, ...]


LIGHT = Palette(
    "#1B2430", "#5F6C7B", "#E6EAF0", "#D55E00", "#FFFFFF",
    ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"),
    ("#C9D3DE", "#F7D58B", "#F2A65A", "#E0703F", "#B63A4E", "#7A1E5C", "#5A1850", "#3B1344"),
    ("#F3F7FB", "#DCE9F5", "#C0D8EC", "#9CC3E0", "#74ABD3", "#4E92C4", "#2F78B1", "#1B5F99", "#0F477C", "#08305C"),
)  # fmt: skip
DARK = Palette(
    "#E4E9F0", "#97A4B3", "#2A3441", "#FF8A4C", "#11161D",
    ("#56B4E9", "#F0B429", "#2EC4A0", "#FF8A4C", "#9AD0F5", "#E39AC3"),
    ("#3A4654", "#F7D58B", "#F2A65A", "#E0703F", "#C2485B", "#9A3F86", "#B07FC0", "#C7A0E0"),
    ("#18212C", "#1B3247", "#1F4463", "#24577F", "#2C6B9B", "#3B80B4", "#5497C9", "#77AFDB", "#A1C9EA", "#D0E5F7"),
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a chart of amounts looks: colours, the currency, and the token of the page's state."""

    colours: Palette
    currency: str
    token: str


def palette() -> Palette:
    """The palette of the theme the reader uses."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The old with what is new; a title keeps its font."""
    both = old | new
    if isinstance(old.get("title"), dict) and isinstance(new.get("title"), dict):
        both["title"] = old["title"] | new["title"]
    return both


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
        base[name] = (
            _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return base


CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}
"""Mode bar: a PNG at twice the size, nothing else."""
