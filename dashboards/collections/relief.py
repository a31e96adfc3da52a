"""A plan for a borrower in hardship, or a reschedule: what it would do by the engine, and proposing it to other people."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import streamlit as st

from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.errors import LoanbookError
from loanbook.dashboards import data
from loanbook.dashboards.collections.settlement import desk_now
from loanbook.dashboards.pages.people.order import draw_preview
from loanbook.dashboards.people.viewer import viewer

if TYPE_CHECKING:
    from loanbook.pipelines.approvals.desk import Desk

RELIEF = ("grant_moratorium", "move_due_date", "extend_term", "reage", "pause_delinquency", "pause_interest",
          "waive_interest")  # fmt: skip
"""Orders by which a borrower is helped to pay."""
_DATES = {"due_date": "Until, or due", "start_date": "From"}


def draw(loan: dict[str, Any], on: dt.date) -> None:
    """Draw the form, what the order would do, and proposing it."""
    key = str(loan["loan_key"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verb = str(st.selectbox("Plan", RELIEF, key="relief_verb", format_func=lambda name: name.replace("_", " ")))  # fmt: skip
        wanted = {"command": verb, "loan_key": key, "value_date": str(on), **_fields(verb, on)}
        wanted["reason"] = st.text_input("Reason, as a code", value="hardship", key="relief_reason").strip()  # fmt: skip
    becomes = COMMANDS[verb][1].becomes.replace("`", "")
    st.caption(f"{becomes[:1].upper()}{becomes[1:]}.")
    with st.container(horizontal=True):
        asked = st.button("What would it do?", key="relief_asked", type="primary")
        ordered = st.button("Propose it", key="relief_order", help="It waits for other people in Approvals.")  # fmt: skip
    if asked or ordered:
        try:
            if ordered:
                _order(desk_now(), wanted)
            else:
                _would(desk_now(), wanted)
        except LoanbookError as error:
            st.error(str(error), icon=":material/block:")


def _fields(verb: str, on: dt.date) -> dict[str, str]:
    """Fields that the order must have, as they are filled in."""
    command = COMMANDS[verb][1]
    found = {}
    for name in command.needs:
        if name in _DATES:
            value = on + dt.timedelta(days=30 if name == "due_date" else 1)
            found[name] = str(st.date_input(_DATES[name], value=value, key=f"relief_{verb}_{name}"))
        elif name == "instalments":
            found[name] = str(int(st.number_input("Instalments", 1, 360, 2, key=f"relief_{verb}_{name}")))  # fmt: skip
        elif name == "interest":
            found[name] = str(st.selectbox("Interest", [each for each in command.interest if each], key=f"relief_{verb}_{name}"))  # fmt: skip
        else:
            found[name] = st.text_input(name.replace("_", " ").capitalize(), key=f"relief_{verb}_{name}").strip()  # fmt: skip
    return found


def _would(desk: Desk, wanted: dict[str, str]) -> None:
    from loanbook.pipelines.approvals.judged import judge
    from loanbook.pipelines.approvals.preview import preview

    if masked := data.masked("events", "positions", "transfers", "dues"):
        st.info(f"What it would do is not shown to you: your roles mask {', '.join(masked)}.")
        return
    row = {**wanted, "maker": "judged", "checker": "PENDING", "command_ref": "judged"}
    draw_preview(preview(judge(desk.ledger, desk.policies, desk.people.settings.home, row), desk.policies))  # fmt: skip


def _order(desk: Desk, wanted: dict[str, str]) -> None:
    from loanbook.pipelines.approvals.approving import proposed

    id_ = proposed(desk, viewer().actor, wanted)
    st.success(f"Order {id_} waits in Approvals.", icon=":material/check_circle:")
