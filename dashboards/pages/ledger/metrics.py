"""Metrics: every figure with its definition, by family."""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.reporting.dictionary import FAMILIES
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts import exports
from loanbook.dashboards.parts.card import done


def draw() -> None:
    """Draw the dictionary; it needs no ledger."""
    st.title("Metrics", anchor=False)
    wanted = st.text_input(
        "Search", key="metric", bind="query-params", placeholder="prepayment, PAR, charge-off …"
    )
    rows = dictionary()
    if wanted:
        text = pl.concat_str(pl.all(), separator=" ").str.to_lowercase()
        rows = rows.filter(text.str.contains(wanted.lower(), literal=True))
    if rows.is_empty():
        st.info("No metric has these words.")
    for (family,), part in rows.group_by("family", maintain_order=True):
        st.subheader(str(family), anchor=False)
        lines = [
            f"| **{m['title']}** | {m['numerator']} | {m['denominator']} | {m['unit']} | {m['charged_off']} |"
            for m in part.to_dicts()
        ]
        head = "| Metric | Numerator | Denominator | Unit | Charged-off loans |\n|---|---|---|---|---|\n"
        st.markdown(head + "\n".join(lines))
    st.download_button(
        "CSV",
        lambda: exports.csv(rows),
        "metrics.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        "Three edges: X+ is at least X days past due, PAR X more than X, buckets as their file says."
    )
    done(f"metrics|{wanted}")


def dictionary() -> pl.DataFrame:
    """Every metric: `family`, `name`, `title`, `numerator`, `denominator`, `unit`, `charged_off`."""
    return pl.DataFrame(
        [{"family": family, "name": m.name, "title": m.title, "numerator": m.numerator, "denominator": m.denominator,
          "unit": m.unit, "charged_off": m.charged_off} for family, metrics in FAMILIES.items() for m in metrics]
    )  # fmt: skip


PAGE = Page("metrics", "Metrics", ":material/menu_book:", "Ledger", draw)
