"""What came back: returns and rejects with why, news of accounts, rates against the limits, and a loan's own chain."""

from __future__ import annotations

import datetime as dt

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from loanbook.core.payments.out.returns import WHY
from loanbook.core.store.sending.rates import rates_at
from loanbook.core.store.sending.reading import CHAIN, CHANGES, MET, RETURNS
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.parts.card import downloads
from loanbook.dashboards.parts.head import Clocks
from loanbook.dashboards.parts.table import amounts, in_words, show_rows, titled
from loanbook.dashboards.theme import CONFIG, Palette, layout, palette

DAYS = 60
"""Days before the date, it included, whose returns are shown: those that rates count."""


def draw(clocks: Clocks) -> None:
    """The part of the page: returns of the days up to the date."""
    reader, on = data.ledger(), clocks.as_of
    first = on - dt.timedelta(days=DAYS - 1)
    loan = st.text_input("Loan", key="loan", bind="query-params", help="Its key; empty: all loans.").strip()  # fmt: skip
    asked = {"first": first, "last": on, "loan": loan or None}
    rows = reader.query(RETURNS, asked)
    rates = rates_at(reader.lake(), data.stored_policies(), on).filter(pl.col("debits") > 0)
    _figures(rows, rates)
    if rows.is_empty():
        st.info(f"Nothing came back from {day(first)} to {day(on)}.")
    else:
        _table(rows, first, on, f"{clocks.known_at}|{on}|Returns")
    _rates(rates)
    news = reader.query(CHANGES, asked)
    if news.height:
        st.subheader(
            "Notifications of change",
            anchor=False,
            help="What banks told of accounts that debits go to.",
        )
        shown = news.with_columns(*in_words("outcome", "why"))
        show_rows(shown, column_config=titled(shown, loan_key="Loan", notified_on="Told on"))
    if loan:
        _chain(reader.query(CHAIN, {"loan": loan}), reader.query(MET, {"loan": loan}), loan, on)


def _figures(rows: pl.DataFrame, rates: pl.DataFrame) -> None:
    overall = rates.filter(pl.col("measure") == "overall")
    debits, back = (int(overall[name].sum() or 0) for name in ("debits", "returns"))
    with st.container(horizontal=True):
        st.metric("Came back", count(rows.height), border=True,
                  help=f"Returns and rejects of {DAYS} days that were told, refused ones among them.")  # fmt: skip
        st.metric("For a person", count(rows.filter(pl.col("outcome") == "refused").height), border=True,
                  help="Returns that take nothing back by themselves: another amount, after their window, a code that is not known.")  # fmt: skip
        st.metric("Rate", f"{100 * back / debits:.2f} %" if debits else "–", border=True,
                  help=f"Returns of {DAYS} days over the debits that settled in them, of all originators.")  # fmt: skip
        st.metric("Alarms", count(rates.filter("alarm").height), border=True,
                  help="Rates above a limit of their rail (policies/return_codes).")  # fmt: skip


def by_code(rows: pl.DataFrame, colours: Palette, token: str) -> go.Figure:
    """Number of returns by code, the most frequent first."""
    sums = rows.group_by("code").len().sort(["len", "code"], descending=[True, False]).head(12)
    figure = go.Figure(
        go.Bar(x=sums["code"].to_list(), y=sums["len"].to_list(), marker={"color": colours.categories[0]},
               text=[count(n) for n in sums["len"]], textposition="outside",
               hovertemplate="%{x}: %{y:,}<extra></extra>")
    )  # fmt: skip
    step = max(1, sums["len"][0] // 4) if sums.height else 1
    figure.update_layout(layout(colours, token, xaxis={"type": "category"}, yaxis={"dtick": step}))
    return figure


def _table(rows: pl.DataFrame, first: dt.date, on: dt.date, token: str) -> None:
    if rows["code"].n_unique() > 1:
        st.subheader(
            "By code",
            anchor=False,
            help="Codes of the rails; what each means is policy (return_codes).",
        )
        st.plotly_chart(by_code(rows, palette(), token), theme=None, config=CONFIG, key="codes")
        st.caption(f"Number of returns and rejects from {day(first)} to {day(on)}.")
    shown = rows.with_columns(*amounts("amount"), *in_words("outcome"), why=pl.col("why").replace(WHY)).select(
        "returned_on", "loan_key", "code", "amount", "currency", "outcome", "why", "due_date", "attempt",
        "effective", "mandate", "originator",
    )  # fmt: skip
    show_rows(
        shown, key="returns", column_config=titled(shown, loan_key="Loan", effective="Settled on")
    )
    about = {"what": "Returns and rejects", "from": first.isoformat(), "date": on.isoformat()}
    downloads(lambda: rows, about, f"returns_{on}", "returns")


def _rates(rates: pl.DataFrame) -> None:
    if rates.is_empty():
        return
    st.subheader("Rates against the limits", anchor=False,
                 help="Counts, not amounts: returns over the debits that settled in the same days, by originator.")  # fmt: skip
    rate, limit = (
        pl.col(name).cast(pl.Float64, strict=False) for name in ("rate_percent", "limit_percent")
    )
    signed = rates.with_columns(
        alarm=pl.when("alarm").then(pl.lit("✗ above")).when(rate > limit).then(pl.lit("– too few to tell"))
        .when(pl.col("limit_percent") != "").then(pl.lit("✓ within"))
    )  # fmt: skip
    show_rows(
        signed,
        column_config=titled(
            signed, rate_percent="Rate, %", limit_percent="Limit, %", alarm="Limit kept"
        ),
    )


def _chain(chain: pl.DataFrame, met: pl.DataFrame, loan: str, on: dt.date) -> None:
    st.subheader(f"All that was asked of {loan}, or paid out to it", anchor=False,
                 help="Each debit with its attempts, what came back, and below it which instalments its money met.")  # fmt: skip
    if chain.is_empty():
        st.info("Nothing was asked of this loan by a file for a bank.")
        return
    shown = chain.with_columns(
        *amounts("amount"), *in_words("purpose", "outcome"), why=pl.col("why").replace(WHY)
    )
    show_rows(shown, column_config=titled(shown, effective="Settles on"))
    about = {"what": f"All that was asked of {loan}", "date": on.isoformat()}
    downloads(lambda: chain, about, f"chain_{loan}_{on}", "chain")
    if met.height:
        told = met.with_columns(*amounts("amount"), *in_words("component"))
        show_rows(
            told,
            column_config=titled(
                told,
                asked_for="Due asked for",
                effective="Settled on",
                instalment_no="Instalment met",
            ),
        )
        st.caption(
            "What each payment met, as known today: of one that came back nothing. Instalment 0 is principal itself, or credit."
        )
