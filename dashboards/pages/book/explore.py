"""Explore: the live book by any dimension, crossed by a second, down to the loans; views that a colleague can open."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import streamlit as st

from loanbook.core.store.segments import questions
from loanbook.dashboards.charts.grids import Grid, heat
from loanbook.dashboards.formats import count, share
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.card import (
    Shown,
    chart,
    clicked,
    count_column,
    date_column,
    done,
    figures,
    heading,
    money_column,
    picked_row,
    share_column,
)
from loanbook.dashboards.parts.scope import Scope, dimension_choice, page_scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import palette

MEASURES = {
    "principal": "Principal", "loans": "Loans", "share": "Share of principal", "par_30": "PAR 30", "rate": "Rate",
    "average": "Average principal", "overdue": "Overdue",
}  # fmt: skip
SHARES = ("share", "par_30", "rate")


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Explore")
    if scope is None:
        return
    by, across, measure = _controls(scope)
    asked = questions.strats(scope.segment, by, across)
    rows = scope.ask(asked)
    token = f"{scope.token}|{by}|{across}|{measure}"
    if rows.is_empty():
        st.info("No live loan matches these filters. Take one away.")
        done(token)
        return
    strats = _summed(rows, ["label"])
    title = scope.segment.known[by].title
    whole = int(strats["principal"].sum())
    _figures(scope, strats, rows)
    shown = Shown(
        "strats", strats, [asked], ("principal", "overdue", "late_30", "largest", "average")
    )
    if across:
        with st.container(border=True):
            chart(
                scope, heat(_grid(scope, rows, measure), palette(), token, across=scope.segment.known[across].title, down=title),
                f"{MEASURES[measure]}: {title} × {scope.segment.known[across].title}", None,
                Shown("crossed", _summed(rows, ["label", "across"]), [asked], ("principal", "overdue", "late_30", "largest", "average")),
                note="Click a cell for its loans below",
            )  # fmt: skip
    with st.container(border=True):
        heading(scope, f"By {title.lower()}", None, shown)
        event = show_rows(
            strats.with_columns(
                pl.col("label").str.strip_chars(), pl.col("principal", "overdue", "average") / scope.unit,
                pl.col("share", "par_30", "rate") * 100,
            ).select("label", "loans", "principal", "share", "average", "rate", "par_30", "overdue"),
            key="strats_table", on_select="rerun", selection_mode="single-row",
            column_config={
                "label": title, "loans": count_column("Loans"),
                "principal": money_column("Principal", scope.currency), "average": money_column("Average", scope.currency),
                "overdue": money_column("Overdue", scope.currency),
                **{name: share_column(MEASURES[name]) for name in SHARES},
            },
        )  # fmt: skip
        st.caption(
            f"Live loans, {scope.currency}; {scope.money(whole)} in all. Choose a row for its loans."
        )
    _loans(scope, by, across, _chosen(scope, rows, strats, across, event))
    done(token)


def _controls(scope: Scope) -> tuple[str, str | None, str]:
    measures = {title: name for name, title in MEASURES.items()}
    with scope.row:
        by = dimension_choice(scope, "Rows by", "rows")
        across = dimension_choice(scope, "Columns by", "across", nothing="nothing")
        measure = st.selectbox(
            "Measure", list(measures), key="shown", bind="query-params", width=160
        )
    return by or "quarter", across, measures.get(measure or "", "principal")


def _summed(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Strats by fewer dimensions, with their shares."""
    whole = int(rows["principal"].sum())
    owed = pl.col("principal").sum()
    return (
        rows.group_by(by, maintain_order=True)
        .agg(
            pl.col("loans", "overdue", "late_30").sum(), pl.col("largest").max(),
            rate=pl.when(owed > 0).then((pl.col("rate") * pl.col("principal")).sum() / owed), principal=owed,
        )
        .with_columns(
            share=pl.col("principal") / whole if whole else pl.lit(None, dtype=pl.Float64),
            par_30=pl.when(pl.col("principal") > 0).then(pl.col("late_30") / pl.col("principal")),
            average=(pl.col("principal") / pl.col("loans")).round(0),
        )
        .sort(by)
    )  # fmt: skip


def _figures(scope: Scope, strats: pl.DataFrame, rows: pl.DataFrame) -> None:
    whole = int(strats["principal"].sum())
    shares = strats["share"].fill_null(0.0)
    figures(scope, [
        ("Principal", scope.money(whole), f"{count(int(strats['loans'].sum()))} loans"),
        ("Groups", count(strats.height), None),
        ("Largest ten", share(float(shares.sort(descending=True).head(10).sum())), "of principal"),
        ("HHI", f"{10_000 * float((shares**2).sum()):,.0f}", f"largest loan {scope.money(int(str(rows['largest'].max())))}"),
    ])  # fmt: skip


def _grid(scope: Scope, rows: pl.DataFrame, measure: str) -> Grid:
    cells = {(r["label"], r["across"]): r for r in _summed(rows, ["label", "across"]).to_dicts()}
    down = rows["label"].unique().sort().to_list()
    across = rows["across"].unique().sort().to_list()

    def value(row: str, column: str) -> float | None:
        cell = cells.get((row, column))
        number = None if cell is None else cell[measure]
        return None if number is None else float(number) * (100 if measure in SHARES else 1)

    def text(number: float | None) -> str:
        if number is None:
            return ""
        if measure in SHARES:
            return f"{number:.1f}"
        return count(int(number)) if measure == "loans" else scope.money(number).rsplit(" ", 1)[0]

    values = [[value(r, c) for c in across] for r in down]
    hovers = [[f"{r.strip()} × {c.strip()}: {text(v)}" for c, v in zip(across, row, strict=True)]
              for r, row in zip(down, values, strict=True)]  # fmt: skip
    return Grid(
        [c.strip() for c in across],
        [r.strip() for r in down],
        values,
        [[text(v) for v in row] for row in values],
        hovers,
    )


def _chosen(
    scope: Scope, rows: pl.DataFrame, strats: pl.DataFrame, across: str | None, event: object
) -> dict[str, str]:
    """Labels by dimension of what was clicked: a row of the table, or a cell."""
    picked = picked_row(event, strats)
    if picked:
        return {"row": picked["label"]}
    point = clicked(st.session_state.get("crossed")) if across else None
    if point is None:
        return {}
    down, over = rows["label"].unique().sort().to_list(), rows["across"].unique().sort().to_list()
    y, x = (int(float(str(point.get(axis, -1)))) for axis in "yx")
    return {"row": down[y], "column": over[x]} if 0 <= y < len(down) and 0 <= x < len(over) else {}


def _loans(scope: Scope, by: str, across: str | None, chosen: dict[str, str]) -> None:
    """The loans behind the page, or behind what was clicked."""
    filters = dict(scope.segment.filters)
    if "row" in chosen:
        filters[by] = [chosen["row"]]
    if "column" in chosen and across:
        filters[across] = [chosen["column"]]
    segment = replace(scope.segment, filters=filters)
    asked = questions.listed(segment, by)
    rows = scope.ask(asked)
    shown = Shown("loans", rows, [asked], ("amount", "principal", "overdue"))
    with st.container(border=True):
        told = " · ".join(value.strip() for value in chosen.values())
        heading(scope, f"Loans{f', {told}' if told else ''}", None, shown)
        event = show_rows(
            rows.with_columns(pl.col("amount", "principal", "overdue") / scope.unit, pl.col("rate") * 100, pl.col("label").str.strip_chars()),
            height=320, key="loans_table", on_select="rerun", selection_mode="single-row",
            column_config={
                "loan_id": "Number", "loan_key": "Loan", "label": scope.segment.known[by].title,
                "disbursed_on": date_column("Lent on"),
                "amount": money_column("Lent", scope.currency), "rate": share_column("Rate"),
                "principal": money_column("Principal", scope.currency), "overdue": money_column("Overdue", scope.currency),
                "days_past_due": "Days past due", "status": "Status",
            },
        )  # fmt: skip
        row = picked_row(event, rows)
        if row:
            finder.link("loan", f"Open loan {row['loan_key']}", loan=str(row["loan_id"]))
        if rows.height >= 500:
            st.caption("The 500 loans of most principal.")


PAGE = Page("explore", "Explore", ":material/explore:", "Book", draw)
