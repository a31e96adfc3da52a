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
from loanbook.dashboards.parts.table import grouped, in_words, show_rows, titled

if TYPE_CHECKING:
    from loanbook.pipelines.approvals.desk import Desk
    from loanbook.pipelines.approvals.preview import Preview

MOST = 10
"""Rows of a table that stand without scrolling."""
_SIDES = ["before", "after"]


def draw(desk: Desk, each: Order) -> None:
    """Draw an order."""
    from loanbook.pipelines.approvals.approving import subject

    wanted = each.proposal
    of = subject(wanted.command)
    amount = wanted.fields.get("amount", "")
    st.subheader(
        f"{wanted.command.replace('_', ' ').capitalize()}{f' of {amount} {wanted.currency}' if amount else ''}",
        anchor=False,
    )
    st.markdown(
        f"{of} **{wanted.loan_key}**, for **{day(wanted.value_date)}** · ordered by **{each.maker}** because of "
        f"*{wanted.reason.replace('_', ' ')}* · {len(each.approved_by)} of {each.approvals_needed} approvals, by "
        f"`{each.policy}` · from {wanted.source} · `{each.id}`"
    )
    others = {k: v for k, v in wanted.fields.items()
              if v and k not in ("command", "loan_key", "value_date", "amount", "reason", "currency", "minor", "rests_on", "note", "pair")}  # fmt: skip
    if others:
        st.caption(
            " · ".join(f"{name.replace('_', ' ')}: {value}" for name, value in others.items())
        )
    if wanted.comment:
        st.caption(wanted.comment)
    for actor, verdict, reason in each.decisions:
        st.markdown(f"- {verdict} by **{actor}**: {reason or 'no reason given'}")
    if of == "Pair":
        finder.link("duplicates", f"Open pair {wanted.loan_key}", pair=wanted.loan_key)
        return
    if of == "Application":
        finder.link("applications", f"Open application {wanted.loan_key}", case=wanted.loan_key)
        return
    if each.state == PROPOSED:
        _preview(desk, each)
    elif each.file:
        st.caption(f"It went to the ledger in {each.file}.")
    _to_the_loan(desk, wanted.loan_key)


def _preview(desk: Desk, each: Order) -> None:
    if masked := data.masked("events", "positions", "transfers", "dues"):
        st.info(f"What it would do is not shown to you: your roles mask {', '.join(masked)}.")
        return
    try:
        seen = _would(each.id, data.state(), data.key(), desk, each)
    except LoanbookError as error:
        st.warning(f"It can't be taken in as the loan stands now: {error}", icon=":material/block:")
        return
    draw_preview(seen)


def draw_preview(seen: Preview) -> None:
    """Draw what an order would do."""
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


@st.cache_data(max_entries=64, show_spinner=False)
def _would(id_: str, state: int, key: str, _desk: Desk, _each: Order) -> Preview:
    """What an order would do, for as long as nothing is written to the ledger; a decision judges it anew."""
    from loanbook.pipelines.approvals.approving import judged_again
    from loanbook.pipelines.approvals.preview import preview

    return preview(judged_again(_desk, _each), _desk.policies)


def _balances(seen: Preview) -> None:
    days = pl.col("figure") == "days_past_due"
    shown = seen.balances.with_columns(
        pl.when(days).then(pl.col(name).cast(pl.String)).otherwise(grouped(major(name, seen.currency))).alias(name)
        for name in _SIDES
    )  # fmt: skip
    _table(shown)


def _table(rows: pl.DataFrame) -> None:
    texts = [name for name in ("figure", "debit", "credit") if name in rows.columns]
    show_rows(
        rows.with_columns(in_words(*texts)),
        height="content" if rows.height <= MOST else "auto",
        column_config=titled(rows, due_date="Due", value_date="Date"),
    )


def _to_the_loan(desk: Desk, key: str) -> None:
    found = desk.reader.query("SELECT loan_id FROM loan_keys WHERE loan_key = ?", [key])
    if found.height == 1:
        finder.link("loan", f"Open loan {key}", loan=str(found["loan_id"][0]))
