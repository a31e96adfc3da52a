"""The desk of one late loan: what is owed and why, what rules allow now, promises, what happened, what may be done."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from loanbook.core.collections.local_time import APART
from loanbook.core.contract.money import major
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.clocks import Clocks
from loanbook.dashboards import data
from loanbook.dashboards.collections import actions, relief, settlement
from loanbook.dashboards.formats import count, day, exact_money
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.table import grouped, in_words, show_rows, titled

_FRESH = dt.timedelta(days=3)
"""So old a date may be for its rules to be asked by the clock."""


def draw(loan: dict[str, Any], at: Clocks, policies: PolicyBook) -> None:
    """Draw the desk of a loan of the queue."""
    currency = str(loan["currency"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Loan {loan['loan_key']}", anchor=False, width="stretch")
        finder.link("loan", "Open in Loan 360", loan=str(loan["loan_id"]))
    st.markdown(
        f"**{count(loan['days_past_due'])}** days past due · **{exact_money(loan['amount_due'], currency)}** due · "
        f"**{exact_money(loan['balance'], currency)}** owed in all · {loan['score']} points by *{loan['strategy']}*"
        + (f" ({loan['why']})" if loan["why"] else "")
        + (f" · agent **{loan['agent']}**" if loan["agent"] else "")
    )
    if loan["reason"]:
        st.warning(
            f"It waits: {str(loan['reason']).replace('_', ' ')}.", icon=":material/front_hand:"
        )
    left, right = st.columns(2)
    with left:
        _owed(at, loan, currency)
    with right:
        _rules(at, policies, loan)
    _happened(at, policies, loan, currency)
    _work(loan, at.on)


def _work(loan: dict[str, Any], on: dt.date) -> None:
    """What may be written down."""
    promise, contact, notice, settle, plan, court = st.tabs(
        ["Promise", "Log a contact", "Notice", "Settlement", "Plan", "Court or agency"]
    )
    with promise:
        actions.promise(loan, on)
    with contact:
        actions.contact(loan, on)
    with notice:
        actions.notice(loan, on)
    with settle:
        settlement.draw(loan, on)
    with plan:
        relief.draw(loan, on)
    with court:
        actions.recovery(loan, on)


def _owed(at: Clocks, loan: dict[str, Any], currency: str) -> None:
    from loanbook.pipelines.collections.one import owed

    st.markdown("**What is due, and since when**")
    rows = owed(data.ledger(), at, loan["loan_id"])
    if rows.is_empty():
        st.info("Nothing is due.")
        return
    money = ("amount", "paid", "unpaid")
    table = rows.with_columns(
        *(grouped(major(name, currency)) for name in money), *in_words("component")
    )
    config = titled(table, due_date="Due", amount="Asked")
    for name in money:
        config[name] = st.column_config.TextColumn(name.capitalize() if name != "amount" else "Asked", alignment="right")  # fmt: skip
    show_rows(table, column_config=config, height=_height(table))
    first = rows["due_date"].min()
    st.caption(f"The oldest since {day(first)}; `loanbook explain` and Loan 360 have each cent.")  # type: ignore[arg-type]


def _rules(at: Clocks, policies: PolicyBook, loan: dict[str, Any]) -> None:
    from loanbook.pipelines.collections.one import channels_now

    moment = _moment(at.on, loan["zone"])
    st.markdown(f"**Contact rules at {moment:%Y-%m-%d %H:%M} UTC**")
    rows = channels_now(data.ledger(), policies, at, loan, moment)
    if rows.is_empty():
        st.info("The loan fits no team of the queue, so no rules are named for it.")
        return
    free = pl.col("rules").list.len() == 0
    table = rows.select(
        "channel",
        now=pl.when(free).then(pl.lit("✓ allowed")).otherwise(pl.lit("✗ barred")),
        by=pl.col("rules").list.join(", ").str.replace_all("_", " "),
        next=pl.when(free).then(pl.lit("now")).otherwise(pl.coalesce("allowed_local", "until")),
    )
    show_rows(table, column_config=titled(table, by="Barred by", next="Next allowed, borrower's time"), height=_height(table))  # fmt: skip
    st.caption(
        f"The borrower's zone is {loan['zone'] or 'not in the log: the team has one'}; rules of the loan's team."
    )


def _moment(on: dt.date, zone: str | None) -> dt.datetime:
    """Now, where the date is of these days; else noon of the borrower's day after it."""
    now = dt.datetime.now(dt.UTC)
    if dt.timedelta(0) <= now.date() - on <= _FRESH:
        return now.replace(second=0, microsecond=0)
    noon = dt.datetime.combine(on + dt.timedelta(days=1), dt.time(12))
    first = (zone or "UTC").split(APART, maxsplit=1)[0]
    return noon.replace(tzinfo=ZoneInfo(first)).astimezone(dt.UTC)


def _happened(at: Clocks, policies: PolicyBook, loan: dict[str, Any], currency: str) -> None:
    from loanbook.pipelines.collections.one import timeline

    rows, promises = timeline(data.ledger(), policies, at, loan["loan_id"])
    if promises.height:
        st.markdown("**Promises**")
        money = ("amount", "paid")
        table = promises.sort("promised_at", "due_date", descending=[True, False]).select(
            "promised_on", "due_date", *(grouped(major(name, currency)) for name in money), *in_words("verdict"), "last_day", "agent",
        )  # fmt: skip
        config = titled(table, due_date="Due", last_day="Last day of grace", promised_on="Promised")
        for name in money:
            config[name] = st.column_config.TextColumn(name.capitalize(), alignment="right")
        show_rows(table, column_config=config, height=_height(table))
    st.markdown("**What happened**, newest first")
    table = rows.drop("instant").with_columns(grouped(major("amount", currency)), *in_words("told"))
    config = titled(table, at="When", what="What", told="Of it", by="By")
    show_rows(table, column_config=config, height=_height(table))


def _height(rows: pl.DataFrame) -> str:
    return "content" if rows.height <= 10 else "auto"
