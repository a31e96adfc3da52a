"""Payments: what banks told on a date, what became of it, what ties and waits; what came back; mandates, what is asked for
next, and what was sent."""

from __future__ import annotations

import polars as pl
import streamlit as st

from loanbook.core.payments.incoming.outcomes import OUTCOMES
from loanbook.core.store.banking.reading import (
    CANDIDATES,
    CLEARING,
    DAYS,
    FILES,
    SUSPENSE,
)
from loanbook.core.store.sending.reading import COMING
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, short_money
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import done, downloads
from loanbook.dashboards.parts.head import Clocks, head
from loanbook.dashboards.parts.table import amounts, in_words, show_rows, titled
from loanbook.dashboards.payments import returns, sending, suspense


def page() -> None:
    """Draw the page for the clocks of the URL."""
    clocks = head("Payments", data.ledger())
    if clocks is not None:
        _body(clocks)


def _body(clocks: Clocks) -> None:
    names = list(PARTS)
    shown = st.segmented_control("Show", names, default=names[0], key="show", bind="query-params")
    part = shown or names[0]
    PARTS[part](clocks)
    done(f"{clocks.known_at}|{clocks.as_of}|{part}")


def _came_in(clocks: Clocks) -> None:
    """What banks told on the date, and what waits."""
    query = data.ledger().query
    on, day = clocks.as_of, {"first": clocks.as_of, "last": clocks.as_of}
    files = query(FILES, day)
    accounts = query(DAYS, day)
    waits = query(SUSPENSE, {"on": on})
    clears = query(CLEARING, {"on": on, "known": clocks.known_at})
    _figures(files, accounts, waits, clears)
    _files(files, on.isoformat())
    _accounts(accounts)
    _clearing(clears)
    _coming(query(COMING, {"on": on}))
    with st.container(border=True):
        likely = query(CANDIDATES, {"ids": waits["entry_id"].to_list()})
        suspense.draw(waits, likely, on, f"{clocks.known_at}|{on}|suspense")


PARTS = {
    "Files and suspense": _came_in,
    "Returns": returns.draw,
    "Mandates": sending.mandates,
    "Next debits": sending.next_debits,
    "Files sent": sending.files_sent,
}
"""Parts of the page, one at a time."""


def _figures(
    files: pl.DataFrame, accounts: pl.DataFrame, waits: pl.DataFrame, clears: pl.DataFrame
) -> None:
    off = accounts.filter(~(pl.col("ties") & pl.col("follows"))).height
    open_ = clears.filter((pl.col("balance") != 0) & (pl.col("role") != "unidentified_receipts"))
    with st.container(horizontal=True):
        st.metric("Entries of the date", count(int(files["entries"].sum() or 0)), border=True,
                  help="Entries of all banks' files of the date, those that came before among them.")  # fmt: skip
        applied = int(files["applied"].sum() or 0)
        st.metric(
            "Applied to loans",
            count(applied),
            border=True,
            help="Entries that are payments of loans.",
        )
        st.metric("In suspense", count(waits.height), border=True,
                  help="Entries of this date and before that wait for people.")  # fmt: skip
        st.metric(
            "Days that do not tie", count(off), border=True,
            help="Accounts whose opening balance and entries do not make the closing balance, or that do "
            "not open as they closed before.",
        )  # fmt: skip
    if open_.height:
        told = ", ".join(
            f"{role.replace('_', ' ')} {short_money(balance, currency)}"
            for role, currency, balance in open_.select("role", "currency", "balance").rows()
        )
        st.warning(f"Not cleared: {told}.", icon=":material/warning:")


def _files(files: pl.DataFrame, on: str) -> None:
    st.subheader(
        "Files of the date", anchor=False,
        help="For every file: entries = applied + settled + returned + suspense + outside + duplicate + "
        "quarantined, in number and in money. A file that does not tie to its own totals is refused whole.",
    )  # fmt: skip
    if files.is_empty():
        st.info("No bank's file has this date.")
        return
    sums = ["amount", *(f"{name}_amount" for name in OUTCOMES)]
    left, right = st.tabs(["Entries", "Money"])
    counts = ["name", "format", "currency", "entries", *OUTCOMES]
    counted = files.select(counts)
    money = files.select("name", "currency", *amounts(*sums))
    with left:
        show_rows(counted, column_config=titled(counted))
    with right:
        show_rows(money, column_config=titled(money))
    st.caption(
        "As each entry was decided at intake; what people decided since is told by suspense."
    )
    _exports(files, "bank_files", on)


def _accounts(accounts: pl.DataFrame) -> None:
    if accounts.is_empty():
        return
    st.subheader("Accounts: opening + entries = closing", anchor=False,
                 help="Entries that were told apart: one that came in two files or formats counts once.")  # fmt: skip
    sums = ("opening", "moved", "closing", "closed_before")
    money = accounts.with_columns(amounts(*sums))
    signed = money.with_columns(
        ties=pl.when("ties").then(pl.lit("✓ ties")).otherwise(pl.lit("✗ does not tie")),
        follows=pl.when("follows")
        .then(pl.lit("✓ follows"))
        .otherwise(pl.lit("✗ a day is missing")),
    )
    show_rows(signed, column_config=titled(signed))


def _clearing(clears: pl.DataFrame) -> None:
    if clears.is_empty():
        return
    st.subheader("What clears", anchor=False,
                 help="Balances of clearing and of unidentified receipts in the ledger; a debit is above zero.")  # fmt: skip
    show_rows(
        clears.with_columns(*amounts("balance"), *in_words("role")),
        column_config=titled(clears),
    )


def _coming(coming: pl.DataFrame) -> None:
    if coming.is_empty():
        return
    st.subheader("What clears next", anchor=False,
                 help="Payments of files that were sent to banks and settle after the date, less those that came back.")  # fmt: skip
    shown = coming.with_columns(*amounts("amount"))
    show_rows(shown, key="coming", column_config=titled(shown, effective="Settles on"))


def _exports(rows: pl.DataFrame, name: str, on: str) -> None:
    about = {"what": "Banks' files of a date, entries and minor units by outcome", "date": on,
             "rows": str(rows.height)}  # fmt: skip
    downloads(lambda: rows, about, f"{name}_{on}", name)


PAGE = Page("payments", "Payments", ":material/account_balance:", "Money", page)
