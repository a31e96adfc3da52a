"""Approvals: orders that wait for another person, who waits for whom, what each would do, and deciding on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from loanbook.core.access.actor import Actor, plain_name
from loanbook.core.access.deciding import Verdict
from loanbook.core.access.pages import PAGES, may_see
from loanbook.core.errors import LoanbookError
from loanbook.core.store.people import queue
from loanbook.core.store.people.acting import has_people
from loanbook.core.store.people.queue import PROPOSED, Order
from loanbook.core.words import counted
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.page import Page
from loanbook.dashboards.pages.people import order as of_one
from loanbook.dashboards.parts.card import date_column, done, picked_row
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.people.viewer import Viewer, viewer
from loanbook.dashboards.people.who import acts_as

if TYPE_CHECKING:
    from loanbook.pipelines.approvals.desk import Desk

MOST = 200
"""Orders that are looked through; `loanbook orders list` has all."""
KINDS = ("For me to decide", "Ordered by me", "All that wait", "Decided")
_SAID = "_approvals_said"


def draw() -> None:
    """Draw the queue, and the order that is chosen of it."""
    st.title("Approvals", anchor=False)
    who = viewer()
    if who.is_demo and not has_people(who.where):
        st.info("No order waits: nobody ordered anything yet. `loanbook orders propose` does.")
        done("approvals|none")
        return
    from loanbook.pipelines.approvals.approving import may_of_all

    desk, actor = _desk(who), acts_as(who)
    if said := st.session_state.pop(_SAID, ""):
        st.success(said, icon=":material/check_circle:")
    known = _seen(desk, actor)
    own = [each for each in known if plain_name(each.maker) == plain_name(actor.name)]
    waiting = [each for each in known if each.state == PROPOSED]
    verdicts = may_of_all(desk, actor, waiting)
    mine = [each for each in waiting if verdicts[each.id].allowed]
    _figures(mine, own, waiting)
    kind = (
        st.segmented_control("Show", KINDS, default=KINDS[0], key="show", bind="query-params")
        or KINDS[0]
    )
    listed = {KINDS[0]: mine, KINDS[1]: own, KINDS[2]: waiting,
              KINDS[3]: [each for each in known if each.state != PROPOSED]}[kind]  # fmt: skip
    chosen = _chosen(listed, kind)
    if chosen is not None:
        with st.container(border=True):
            of_one.draw(desk, chosen)
            if chosen.state == PROPOSED:
                _decide(desk, actor, chosen, verdicts[chosen.id])
    done(f"approvals|{kind}|{chosen.id if chosen else ''}")


def _desk(who: Viewer) -> Desk:
    """The desk at which the viewer sits: the ledger as they see it."""
    from loanbook.pipelines.approvals.desk import Desk

    return Desk(who.people, data.ledger(), data.stored_policies(), who.access)


def _seen(desk: Desk, actor: Actor) -> list[Order]:
    """Orders of loans, applications and pairs that the viewer sees, and their own; newest first, and how many are left out."""
    from loanbook.pipelines.approvals.approving import subject

    every = queue.orders(desk.people)[::-1]
    at = desk.people.clock()
    if any(each.state == PROPOSED and each.expires_at <= at for each in every):
        queue.expire(desk.people)
        every = queue.orders(desk.people)[::-1]
    keys = desk.reader.query(
        "SELECT loan_key FROM loan_keys WHERE loan_key IN (SELECT unnest(?))",
        [[each.proposal.loan_key for each in every]],
    )
    visible = set(keys["loan_key"])
    pages = {"Application": "applications", "Pair": "duplicates"}
    shown = {of for of, page in pages.items() if may_see(desk.access, actor, PAGES[page]).allowed}
    visible |= {o.proposal.loan_key for o in every if subject(o.proposal.command) in shown}
    found = [
        each for each in every
        if each.proposal.loan_key in visible or plain_name(each.maker) == plain_name(actor.name)
    ]  # fmt: skip
    if hidden := len(every) - len(found):
        st.caption(f"{count(hidden)} orders are of loans that your roles don't show.")
    if len(found) > MOST:
        st.caption(
            f"The newest {MOST} of {count(len(found))}; `loanbook orders list --all` has all."
        )
    return found[:MOST]


def _figures(mine: list[Order], own: list[Order], waiting: list[Order]) -> None:
    soonest = min((each.expires_at.date() for each in waiting), default=None)
    with st.container(horizontal=True):
        st.metric("For me to decide", count(len(mine)), border=True,
                  help="Orders that wait, and that I may approve or reject: not my own, nor of whom I stand in for.")  # fmt: skip
        st.metric("Mine that wait", count(sum(o.state == PROPOSED for o in own)), border=True,
                  help="Orders of mine that wait for another person.")  # fmt: skip
        st.metric("All that wait", count(len(waiting)), border=True)
        st.metric("Next to expire", day(soonest), border=True,
                  help="An order that nobody decided by then expires.")  # fmt: skip


def _chosen(listed: list[Order], kind: str) -> Order | None:
    """The table, and the order that is chosen in it or by the address; None: there is none."""
    if not listed:
        st.info("No order of these.")
        return None
    rows = pl.DataFrame([_row(each) for each in listed], infer_schema_length=None)
    if kind in KINDS[:3:2]:
        rows = rows.drop("state")
    event = show_rows(
        rows, key=f"queue {kind}", on_select="rerun", selection_mode="single-row",
        column_config={"id": "Order", "what": "What", "loan": "Of", "amount": "Amount", "maker": "Ordered by",
                       "waits": "Waits for", "approved": "Approved by", "state": "State",
                       "proposed": date_column("Since"), "expires": date_column("Expires")},
    )  # fmt: skip
    picked = picked_row(event, rows)
    wanted = picked["id"] if picked else st.query_params.get("order", "")
    return next((each for each in listed if each.id == wanted), listed[0])


def _row(each: Order) -> dict[str, object]:
    left = each.approvals_needed - len(each.approved_by)
    people = counted(left, "person", "people")
    who = f" in {' or '.join(each.roles_needed)}" if each.roles_needed else ""
    amount = each.proposal.fields.get("amount", "")
    return {
        "id": each.id, "what": each.proposal.command.replace("_", " "), "loan": each.proposal.loan_key,
        "amount": f"{amount} {each.proposal.currency}" if amount else "", "maker": each.maker,
        "waits": f"{people}{who}" if each.state == PROPOSED else "", "approved": ", ".join(each.approved_by),
        "state": each.state, "proposed": each.proposed_at.date(),
        "expires": each.expires_at.date() if each.state == PROPOSED else None,
    }  # fmt: skip


def _decide(desk: Desk, actor: Actor, each: Order, verdict: Verdict) -> None:
    """Approve, reject or withdraw, with a reason; or why that is not the viewer's to do."""
    from loanbook.pipelines.approvals.approving import approved, rejected, subject, withdrawn

    own = plain_name(each.maker) == plain_name(actor.name)
    if not verdict.allowed:
        st.caption(f"Not yours to approve or reject: {verdict.why}.")
    if not (own or verdict.allowed):
        return
    with st.form(f"decide {each.id}", border=False):
        reason = st.text_input("Reason", key=f"reason {each.id}", max_chars=500,
                               help="Stands in the audit trail. A rejection takes one.")  # fmt: skip
        with st.container(horizontal=True):
            steps: dict[str, Callable[[], Order]] = {}
            if verdict.allowed:
                steps["Approve"] = lambda: approved(desk, actor, each.id, reason)
                steps["Reject"] = lambda: rejected(desk, actor, each.id, reason)
            if own:
                steps["Withdraw"] = lambda: withdrawn(desk.people, actor, each.id, reason)
            pressed = [name for name in steps if st.form_submit_button(name, type="primary" if name == "Approve" else "secondary")]  # fmt: skip
    if not pressed:
        return
    if pressed[0] == "Reject" and not reason.strip():
        st.error("Say why you reject it.")
        return
    try:
        now = steps[pressed[0]]()
    except LoanbookError as error:
        st.error(str(error), icon=":material/block:")
        return
    left = now.approvals_needed - len(now.approved_by)
    more = f"; {left} more must approve" if now.state == PROPOSED and left > 0 else ""
    taken = (
        f"the next run takes {now.file} in"
        if subject(now.proposal.command) == "Loan"
        else f"kept as {now.file}"
    )
    landed = f"; {taken}" if now.file else ""
    st.session_state[_SAID] = f"Order {now.id} is {now.state}{more}{landed}."
    st.rerun()


PAGE = Page("approvals", "Approvals", ":material/fact_check:", "People", draw)
