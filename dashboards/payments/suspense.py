"""Suspense: what waits, for how long, which loans it may be of, and a decision as a file to land."""

from __future__ import annotations

import datetime as dt

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from loanbook.core.payments.incoming.matching import BY_SCORE, WORDS
from loanbook.dashboards.formats import count, day, short_money
from loanbook.dashboards.parts import exports
from loanbook.dashboards.parts.card import downloads
from loanbook.dashboards.parts.table import amounts, in_words, show_rows, titled
from loanbook.dashboards.people.viewer import viewer
from loanbook.dashboards.theme import CONFIG, Palette, layout, palette

AGES = ((0, "today"), (1, "1 to 5 days"), (6, "6 to 30 days"), (31, "31 days and more"))
"""First day of each range of age, and its name."""
ASSIGNMENT = ("entry_id", "decision", "loan_key", "maker", "checker", "reason")
"""Columns of a file of decisions (docs/file-kinds.md)."""
SAME = 1000
"""The score of what is wholly alike."""


def by_age(waits: pl.DataFrame) -> pl.DataFrame:
    """`currency`, `age` (place in `AGES`), `entries`, `amount` (Int64 minor units, money in less money out)."""
    place = pl.lit(0)
    for n, (first, _) in enumerate(AGES):
        place = pl.when(pl.col("days") >= first).then(n).otherwise(place)
    signed = pl.when(pl.col("direction") == "credit").then("amount").otherwise(-pl.col("amount"))
    return (
        waits.with_columns(age=place.cast(pl.Int8), amount=signed)
        .group_by("currency", "age")
        .agg(entries=pl.len(), amount=pl.col("amount").sum())
        .sort("currency", "age")
    )


def age_bars(ages: pl.DataFrame, currency: str, colours: Palette, token: str) -> go.Figure:
    """Entries in suspense by age, of one currency."""
    mine = {age: (n, amount) for c, age, n, amount in ages.rows() if c == currency}
    found = [mine.get(place, (0, 0)) for place in range(len(AGES))]
    figure = go.Figure(
        go.Bar(
            x=[name for _, name in AGES],
            y=[n for n, _ in found],
            marker={"color": [colours.days_past_due[place + 1] for place in range(len(AGES))]},
            text=[count(n) for n, _ in found],
            textposition="outside",
            customdata=[short_money(amount, currency) for _, amount in found],
            hovertemplate="%{y:,} entries, %{customdata}<extra></extra>",
        )
    )
    whole = {"dtick": max(1, max(n for n, _ in found) // 4)}
    figure.update_layout(layout(colours, token, xaxis={"type": "category"}, yaxis=whole))
    return figure


def decision(entry_id: str, loan_key: str | None, people: tuple[str, str], reason: str) -> bytes:
    """A file of one decision: the entry is a payment of the loan, or, without one, not the book's."""
    row = (entry_id, "apply" if loan_key else "outside", loan_key or "", *people, reason)
    return exports.csv(pl.DataFrame([row], schema=list(ASSIGNMENT), orient="row"))


def why() -> pl.Expr:
    """Why a loan is a candidate, in words; of scores what is alike."""
    parts = [
        pl.when(pl.col("name_score") >= SAME).then(pl.lit("the same name"))
        .when(pl.col("name_score") > 0).then(pl.lit("a name like it")),
        pl.when(pl.col("amount_score") >= SAME).then(pl.lit("an amount that it awaits"))
        .when(pl.col("amount_score") > 0).then(pl.lit("an amount near it")),
        pl.when(pl.col("date_score") >= SAME).then(pl.lit("on its day"))
        .when(pl.col("date_score") > 0).then(pl.lit("near its due date")),
    ]  # fmt: skip
    alike = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    by_reference = pl.col("rule").replace_strict(WORDS, default=None, return_dtype=pl.String)
    return pl.when(pl.col("rule") == BY_SCORE).then(alike).otherwise(by_reference)


def draw(waits: pl.DataFrame, likely: pl.DataFrame, on: dt.date, token: str) -> None:
    """The section of the page. `waits`, `likely`: as the store's `SUSPENSE` and `CANDIDATES` have them."""
    st.subheader(
        "Suspense by age", anchor=False,
        help="Entries of banks that no reference tells a loan of, from the date of their file to the date of "
        "the page; money in, and money out that nothing explains.",
    )  # fmt: skip
    if waits.is_empty():
        st.success(f"Nothing waits in suspense on {day(on)}.", icon=":material/check_circle:")
        return
    ages = by_age(waits)
    currency = st.selectbox(
        "Currency", ages["currency"].unique(maintain_order=True).to_list(), key="suspense_currency"
    )
    st.plotly_chart(
        age_bars(ages, str(currency), palette(), token), theme=None, config=CONFIG, key="ages"
    )
    st.caption(
        "Number of entries by days since the date of their file. They stand in unidentified receipts."
    )
    shown = waits.with_columns(*amounts("amount"), *in_words("said")).select(
        "entry_id", "account", "days", "direction", "amount", "currency", "value_date", "payer",
        "remittance", "said", "looked_at", "file", "line",
    )  # fmt: skip
    picked = show_rows(
        shown, key="suspense", on_select="rerun", selection_mode="single-row",
        column_config=titled(shown, said="Why it waits", entry_id="Entry", looked_at="Matched again"),
    )  # fmt: skip
    about = {"what": "Entries that wait in suspense", "date": on.isoformat()}
    downloads(lambda: waits, about, f"suspense_{on}", "suspense")
    rows = picked.selection.rows if hasattr(picked, "selection") else []
    chosen = st.selectbox(
        "Entry to decide on", waits["entry_id"].to_list(), index=rows[0] if rows else 0, key="entry"
    )
    if chosen is not None:
        _decide(str(chosen), likely.filter(pl.col("entry_id") == chosen), on)


def _decide(entry: str, likely: pl.DataFrame, on: dt.date) -> None:
    """The entry's candidates, one a click, and the decision as a file to land."""
    none = "none of these: it is not the book's"
    keys = likely["loan_key"].drop_nulls().to_list()
    if likely.height:
        told = likely.with_columns(why=why())
        show_rows(
            told.select("rank", "loan_key", "confidence", "name_score", "amount_score", "date_score", "why"),
            column_config=titled(told, why="Why it may be this one", name_score="Name", amount_score="Amount", date_score="Due date"),
        )  # fmt: skip
        st.caption("Each from 0 to 1000; the confidence weighs name, amount and due date as the account's receipt_matching "
                   "says, and applies an entry by itself from `accept_at` on.")  # fmt: skip
    else:
        st.caption("No loan has its amount, a word of its name, or a reference that it tells.")
    loan = st.radio("It is a payment of", [*keys, none], key=f"candidate_{entry}", horizontal=True)
    other = st.text_input("or of another loan (its key)", key="other_loan")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = viewer()
        signed = "" if who.is_demo else who.actor.name
        maker = signed or st.text_input("Maker", key="maker")
        if signed:
            st.text_input("Maker", value=signed, disabled=True, help="Who is signed in.")
        checker = st.text_input("Checker", key="checker", help="Another person.")
        reason = st.text_input("Reason, as a code", value="payer_confirmed", key="reason")
    key = other.strip() or (None if loan == none else str(loan))
    st.download_button(
        "Decision as a file", lambda: decision(entry, key, (maker, checker), reason),
        f"assignments_{on + dt.timedelta(days=1)}_{entry}.csv", "text/csv", key="decision",
        disabled=not (maker and reason), on_click="ignore", icon=":material/download:",
        help="Pages write nothing: land the file, and the next run takes it in. Two people decide.",
    )  # fmt: skip
    what = f"--loan {key}" if key else "--as outside"
    st.code(
        f"loanbook payments assign {entry} {what} --maker {maker or 'MAKER'} --checker "
        f"{checker or 'CHECKER'} --reason {reason or 'REASON'}",
        language="sh",
    )
