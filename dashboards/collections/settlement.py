"""A settlement offer: its floor and who may make it, what it would book, and ordering it once the money came."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import streamlit as st

from loanbook.core.contract.money import to_minor
from loanbook.core.errors import LoanbookError
from loanbook.dashboards import data
from loanbook.dashboards.formats import day, exact_money
from loanbook.dashboards.pages.people.order import draw_preview
from loanbook.dashboards.people.viewer import viewer

if TYPE_CHECKING:
    from loanbook.pipelines.approvals.desk import Desk


def draw(loan: dict[str, Any], on: dt.date) -> None:
    """Draw the offer and, behind a button, the order."""
    key, currency = str(loan["loan_key"]), str(loan["currency"])
    with (
        st.form(f"settle {key}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        amount = st.text_input(
            "It is settled by", key="settle_amount", placeholder=f"amount in {currency}"
        )
        by = st.date_input("Paid by", value=on + dt.timedelta(days=7), min_value=on + dt.timedelta(days=1), key="settle_by")  # fmt: skip
        asked = st.form_submit_button("What would it do?", type="primary")
    if asked and amount:
        try:
            _offer(key, currency, to_minor(amount.strip(), currency), by, on)
        except (LoanbookError, ValueError) as error:
            st.error(str(error), icon=":material/block:")
    st.caption(
        "An offer is written down as a promise. Once the money came the settlement is ordered: it waits for other people in "
        "Approvals, and floor and authority (settlement_rules) bind there too."
    )
    if st.button("Order the settlement: the money came", key="settle_order"):
        _order(key, on)


def desk_now() -> Desk:
    """What the viewer proposes orders with."""
    from loanbook.pipelines.approvals.desk import Desk

    who = viewer()
    return Desk(who.people, data.ledger(), data.stored_policies(), who.access)


def _offer(key: str, currency: str, amount: int, by: dt.date, on: dt.date) -> None:
    from loanbook.core.collections.settling import why_not
    from loanbook.pipelines.approvals.settlement import offered, rules_of

    desk = desk_now()
    offer, seen = offered(desk, key, amount, by)
    with st.container(horizontal=True):
        st.metric("Owed", exact_money(offer.owed, currency), border=True)
        st.metric("Offer", exact_money(offer.paid, currency), border=True)
        st.metric(
            "Floor", exact_money(offer.floor, currency), border=True,
            help=f"{offer.floor_percent} % of the claim at {offer.days_past_due} days past due.",
        )  # fmt: skip
        st.metric("Given up", exact_money(offer.given_up, currency), border=True, help="Of what is owed at the date of the page; interest up to the payment comes on top.")  # fmt: skip
    if why := why_not(offer, rules_of(desk, on), viewer().actor):
        st.warning(f"You may not offer it: {why}.", icon=":material/block:")
    else:
        st.success(f"You may offer it until {day(by)}.", icon=":material/check_circle:")
    if masked := data.masked("events", "positions", "transfers", "dues"):
        st.info(f"What it would book is not shown to you: your roles mask {', '.join(masked)}.")
        return
    draw_preview(seen)


def _order(key: str, on: dt.date) -> None:
    from loanbook.pipelines.approvals.approving import proposed

    wanted = {"command": "settle", "loan_key": key, "value_date": str(on), "reason": "settlement"}
    try:
        id_ = proposed(desk_now(), viewer().actor, wanted)
    except LoanbookError as error:
        st.error(str(error), icon=":material/block:")
        return
    st.success(f"Order {id_} waits in Approvals.", icon=":material/check_circle:")
