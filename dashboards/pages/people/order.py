"""One order: what it says, who decided what of it, and what it would do by the loan as it stands now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from loanbook.core.contract.money import major
from loanbook.core.errors import LoanbookError
from loanbook.core.store.people.queue import PROPOSED, Order
from loanbook.dashboards import data
from loanbook.dashboards.formats import day
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.table import grouped, show_rows

if TYPE_CHECKING:
    from loanbook.pipelines.approvals.approving import Desk
    from loanbook.pipelines.approvals.preview import Preview

MOST = 10
"""Rows of a table that stand without scrolling."""
_SIDES = ["before", "after"]


def draw(desk: Desk, each: Order) -> None:
    """Draw an order."""
    wanted = each.proposal
    amount = wanted.fields.get("amount", "")
    st.subheader(
        f"{wanted.command.replace('_', ' ').capitalize()}{f' of {amount} {wanted.currency}' if amount else ''}",
        anchor=False,
    )
    st.markdown(
        f"Loan **{wanted.loan_key}**, for **{day(wanted.value_date)}** · ordered by **{each.maker}** because of "
        f"*{wanted.reason.replace('_', ' ')}* · {len(each.approved_by)} of {each.approvals_needed} approvals, by "
        f"`{each.policy}` · from {wanted.source} · `{each.id}`"
    )
    others = {k: v for k, v in wanted.fields.items()
              if v and k not in ("command", "loan_key", "value_date", "amount", "reason", "currency")}  # fmt: skip
    if others:
        st.caption(
            " · ".join(f"{name.replace('_', ' ')}: {value}" for name, value in others.items())
        )
    if wanted.comment:
        st.caption(wanted.comment)
    for actor, verdict, reason in each.decisions:
        st.markdown(f"- {verdict} by **{actor}**: {reason or 'no reason given'}")
    if each.state == PROPOSED:
        _preview(desk, each)
    elif each.file:
        st.caption(f"It went to the ledger in {each.file}.")
    _to_the_loan(desk, wanted.loan_key)


def _preview(desk: Desk, each: Order) -> None:
    from loanbook.pipelines.approvals.approving import judged_again
    from loanbook.pipelines.approvals.preview import preview

    if masked := data.masked("events", "positions", "transfers", "dues"):
        st.info(f"What it would do is not shown to you: your roles mask {', '.join(masked)}.")
        return
    try:
        seen = preview(judged_again(desk, each), desk.policies)
    except LoanbookError as error:
        st.warning(f"It can't be taken in as the loan stands now: {error}", icon=":material/block:")
        return
    st.markdown(f"**What it would do by {day(seen.on)}**, amounts in {seen.currency}")
    left, right = st.columns(2)
    with left:
        st.caption("Balances")
        _balances(seen)
    with right:
        st.caption("Instalments that change")
        if seen.schedule.is_empty():
            st.info("None changes.")
        else:
            _table(
                seen.schedule.with_columns(grouped(major(name, seen.currency)) for name in _SIDES)
            )
    st.caption("Postings: what would be booked more, or less")
    if seen.postings.is_empty():
        st.info("None.")
    else:
        _table(seen.postings.with_columns(grouped(major("amount", seen.currency))))


def _balances(seen: Preview) -> None:
    days = pl.col("figure") == "days_past_due"
    shown = seen.balances.with_columns(
        pl.when(days).then(pl.col(name).cast(pl.String)).otherwise(grouped(major(name, seen.currency))).alias(name)
        for name in _SIDES
    )  # fmt: skip
    _table(shown)


def _table(rows: pl.DataFrame) -> None:
    texts = [name for name in ("figure", "debit", "credit") if name in rows.columns]
    amounts = [name for name in (*_SIDES, "amount") if name in rows.columns]
    show_rows(
        rows.with_columns(pl.col(name).str.replace_all("_", " ") for name in texts),
        height="content" if rows.height <= MOST else "auto",
        column_config={
            **{name: name.capitalize() for name in texts},
            **{name: st.column_config.TextColumn(name.capitalize(), alignment="right") for name in amounts},
            "due_date": st.column_config.DateColumn("Due", format="D MMM YYYY"),
            "value_date": st.column_config.DateColumn("Date", format="D MMM YYYY"),
        },
    )  # fmt: skip


def _to_the_loan(desk: Desk, key: str) -> None:
    found = desk.reader.query("SELECT loan_id FROM loan_keys WHERE loan_key = ?", [key])
    if found.height == 1:
        finder.link("loan", f"Open loan {key}", loan=str(found["loan_id"][0]))
