"""Collections: whom to call, in what order and why, and the desk of one late loan."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.clocks import Clocks as StoredClocks
from loanbook.dashboards import data
from loanbook.dashboards.collections import desk
from loanbook.dashboards.formats import count, day, short_money
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import done, downloads, picked_row
from loanbook.dashboards.parts.head import head
from loanbook.dashboards.parts.table import amounts, in_words, show_rows, titled
from loanbook.dashboards.people.viewer import log_denial, viewer

MOST = 500
"""Rows that are drawn; the export has all."""
SHOWN = {
    "To call": "assigned",
    "Waiting": "waits",
    "Without room": "left",
    "Without a team": "no team",
}
_ALL = "All"


def page() -> None:
    """Draw the page for the clocks of the URL."""
    clocks = head("Collections", data.ledger())
    if clocks is None:
        return
    from loanbook.pipelines.collections.desk import seen, sees
    from loanbook.pipelines.collections.queued import queue_rules

    at = data.ledger().clocks(clocks.as_of, clocks.known_at)
    policies = data.policies()
    try:
        queue_rules(policies, at.on)
    except PolicyError as error:
        st.info(f"{error} (docs/guide/collections.md)")
        done(f"{at.known}|{at.on}|collections|none")
        return
    who, every = viewer(), _queue(at, policies.digest, str(data.home()), policies)
    rows = seen(every, *sees(who.actor, who.shown().reading, data.ledger(), policies, at))
    _figures(rows, at.on)
    chosen = _pick(rows, at.on)
    if chosen is not None:
        with st.container(border=True):
            desk.draw(chosen, at, policies)
    done(f"{at.known}|{at.on}|collections|{chosen['loan_key'] if chosen else ''}")


@st.cache_data(max_entries=16, show_spinner="The queue is made …")
def _queue(at: StoredClocks, digest: str, home: str, _policies: PolicyBook) -> pl.DataFrame:
    """The queue of the whole book, for as long as clocks and policies are the same; what of it is shown comes after."""
    from loanbook.pipelines.collections.queued import queue_by

    return queue_by(data.whole(), _policies, at)


def _figures(rows: pl.DataFrame, on: dt.date) -> None:
    listed = rows.filter(pl.col("state") == "assigned")
    waits = rows.filter(pl.col("state") == "waits")
    due = listed.group_by("currency").agg(pl.col("amount_due").sum()).sort("currency")
    told = ", ".join(short_money(amount, currency) for currency, amount in due.rows()) or "–"
    soon = rows.filter(pl.col("promise_due") <= on + dt.timedelta(days=1)).height
    with st.container(horizontal=True):
        st.metric("To call", count(listed.height), border=True,
                  help="Loans in the lists of agents for the day after the date.")  # fmt: skip
        st.metric("Due of these", told, border=True, help="What is overdue or due, by currency.")
        st.metric("Waiting", count(waits.height), border=True,
                  help="Loans that rest on an open promise, or whose borrower may not be called on the day.")  # fmt: skip
        st.metric("Promises due", count(soon), border=True,
                  help="Loans with an open promise of which a payment is due by the day after the date.")  # fmt: skip


def _pick(rows: pl.DataFrame, on: dt.date) -> dict[str, object] | None:
    """The queue, and the loan that was chosen in it or by the address."""
    st.subheader(
        f"Queue for {day(on + dt.timedelta(days=1))}", anchor=False,
        help="By the points of collection_queues/standard, then what is due. Choose a row for its desk.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = [name for name, state in SHOWN.items() if state in rows["state"].to_list()] or [
            "To call"
        ]
        kind = st.segmented_control("Show", [*kinds, _ALL], default=kinds[0], key="state", bind="query-params") or kinds[0]  # fmt: skip
        agents = rows["agent"].drop_nulls().unique().sort().to_list()
        agent = _ALL
        if len(agents) > 1:
            agent = st.selectbox(
                "Agent", [_ALL, *agents], key="agent", bind="query-params", width=220
            )
        named = st.text_input("Loan", key="desk", bind="query-params", width=320, placeholder="key of the loan").strip()  # fmt: skip
    shown = rows
    if kind != _ALL:
        shown = shown.filter(pl.col("state") == SHOWN[str(kind)])
    if agent != _ALL:
        shown = shown.filter(pl.col("agent") == agent)
    left_out = ("reason",) if SHOWN.get(str(kind)) == "assigned" else ()
    shown = shown.sort("agent", "place", maintain_order=True, nulls_last=True)
    table = shown.head(MOST).select(
        "agent", "place", "loan_key", "days_past_due", *amounts("amount_due", "balance"), "currency", "score", "why",
        *in_words("promise"), "last_contact_on", *in_words("reason"), "strategy", "team",
    ).drop(left_out)  # fmt: skip
    if table.is_empty():
        st.info("No loan of these.")
        picked = None
    else:
        config = titled(table, loan_key="Loan", last_contact_on="Last contact", reason="Waits for")
        for name, title in (("amount_due", "Due"), ("balance", "Balance")):
            config[name] = st.column_config.TextColumn(title, alignment="right")
        event = show_rows(table, key=f"queue {kind} {agent}", on_select="rerun", selection_mode="single-row", column_config=config)  # fmt: skip
        picked = picked_row(event, table)
    if shown.height > MOST:
        st.caption(f"The first {MOST:,} of {shown.height:,}; the export has all.")
    about = {"what": "Queue of late loans", "date": str(on), "for": str(on + dt.timedelta(days=1))}
    downloads(lambda: shown.drop("key_hash"), about, f"queue_{on}", "queue")
    wanted = str(picked["loan_key"]) if picked else named
    if not wanted:
        return None
    found = rows.filter(pl.col("loan_key") == wanted)
    if found.is_empty():
        why = f"loan {wanted} is not in the queue that you see"
        log_denial(why, "collections")
        st.warning(f"Not shown to you: {why}.", icon=":material/lock:")
        return None
    return found.row(0, named=True)


PAGE = Page("collections", "Collections", ":material/support_agent:", "Money", page)
