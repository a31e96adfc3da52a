"""What an agent writes down, as a file to land and as the command that lands it: pages write nothing."""

from __future__ import annotations

import datetime as dt
import shlex
from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.catalogue.contacts import CHANNELS, NOTICES, OUTCOMES
from loanbook.core.catalogue.recovery import LEGAL_STAGES, PLACEMENT_STEPS
from loanbook.core.contract.money import to_major
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.dashboards import data
from loanbook.dashboards.parts import exports
from loanbook.dashboards.people.viewer import viewer

_FORM = "2024-03-10T07:30:00-05:00"
_LAND = "Land the file, and the next run takes it in; it is tried again there, by every rule."


def promise(loan: dict[str, Any], on: dt.date) -> None:
    """A promise of one payment, or of a plan of equal ones."""
    next_day = on + dt.timedelta(days=1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        at = _moment("promised", on)
        due = st.date_input("First due", value=next_day, min_value=on, key="promise_due")
        amount = st.text_input("Amount of each", value=to_major(loan["amount_due"], str(loan["currency"])), key="promise_amount")  # fmt: skip
        times = int(st.number_input("Payments", 1, 24, 1, key="promise_times"))
        every = int(
            st.number_input("Days between", 1, 92, 7, key="promise_every", disabled=times == 1)
        )
    agent = _agent("promise")
    dues = [due + dt.timedelta(days=every * n) for n in range(times)]
    rows = [
        {"loan_key": loan["loan_key"], "promised_at": at, "due_date": str(each), "amount": amount, "currency": loan["currency"],
         "agent": agent}
        for each in dues
    ]  # fmt: skip
    parts = " ".join(f"{each}={shlex.quote(amount)}" for each in dues)
    command = f"loanbook collections promise {shlex.quote(str(loan['loan_key']))} {parts} --at {at}"
    _out("promises", rows, command, on, agent)


def contact(loan: dict[str, Any], on: dt.date) -> None:
    """One contact, with its disposition code."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        at = _moment("contacted", on)
        channel = st.selectbox("Channel", CHANNELS, key="contact_channel")
        direction = st.selectbox("Begun by", ("out", "in"), key="contact_direction", format_func=lambda name: {"out": "us", "in": "the borrower"}[name])  # fmt: skip
        outcome = st.selectbox("Outcome", list(OUTCOMES), key="contact_outcome", format_func=lambda name: name.replace("_", " "))  # fmt: skip
        spoke = st.checkbox("The borrower spoke", key="contact_spoke")
        zone = st.text_input("Borrower's zone", value=str(loan["zone"] or ""), placeholder="America/Chicago", key="contact_zone")  # fmt: skip
    agent = _agent("contact")
    row = {"loan_key": loan["loan_key"], "occurred_at": at, "channel": channel, "direction": direction, "outcome": outcome,
           "right_party": "yes" if spoke else "no", "agent": agent, "place": "", "zone": zone}  # fmt: skip
    facts = " ".join(
        f"{name}={shlex.quote(str(row[name]))}"
        for name in ("occurred_at", "channel", "outcome", "zone", "direction", "right_party")
    )
    command = f"loanbook collections log {shlex.quote(str(loan['loan_key']))} {facts}"
    _out("contacts", [row], command, on, agent, ready=bool(zone))


def notice(loan: dict[str, Any], on: dt.date) -> None:
    """A dispute, a request for relief, an attorney, a bankruptcy, a complaint, or what answers one."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        at = _moment("stated", on)
        kind = st.selectbox("Of", list(NOTICES), key="notice_kind", format_func=lambda name: name.replace("_", " "))  # fmt: skip
        written = st.checkbox("In writing", key="notice_written")
        reason = st.text_input("Reason, as a code", key="notice_reason", placeholder="not_my_debt")
    st.caption(NOTICES[str(kind)].capitalize() + ".")
    agent = _agent("notice")
    row = {"loan_key": loan["loan_key"], "stated_at": at, "kind": kind, "written": "yes" if written else "no", "reason": reason,
           "agent": agent}  # fmt: skip
    facts = f"stated_at={at} written={row['written']}" + (
        f" reason={shlex.quote(reason)}" if reason else ""
    )
    command = f"loanbook collections notice {shlex.quote(str(loan['loan_key']))} {kind} {facts}"
    _out("notices", [row], command, on, agent)


def recovery(loan: dict[str, Any], on: dt.date) -> None:
    """A stage of legal action, or a placement with an agency."""
    agencies = list(data.policies().all_in_force(CollectionAgency, on))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control("Of", ["Court", "Agency"], default="Court", key="recovery_of")
        at = _moment("recovery", on)
        if what == "Agency":
            step = st.selectbox("Step", list(PLACEMENT_STEPS), key="placement_step")
            agency = st.selectbox("Agency", agencies, key="placement_agency")
        else:
            stage = st.selectbox("Stage", list(LEGAL_STAGES), key="legal_stage")
            next_on = st.date_input("Next court date", value=None, min_value=on, key="legal_next")
            cost = st.text_input("Cost", value="0", key="legal_cost").strip()
    agent = _agent("recovery")
    key = shlex.quote(str(loan["loan_key"]))
    row = {"loan_key": loan["loan_key"], "stated_at": at}
    if what == "Agency":
        said = {"placed": "", "recalled": " --recall", "returned": " --returned"}[str(step)]
        command = f"loanbook collections place {key} {agency} stated_at={at}{said}"
        _out("placements", [row | {"step": step, "agency": agency, "agent": agent}], command, on, agent, ready=bool(agency))  # fmt: skip
        return
    row |= {"stage": stage, "next_on": str(next_on or ""), "amount": cost, "currency": loan["currency"], "agent": agent}  # fmt: skip
    facts = f"stated_at={at}" + (f" next_on={next_on}" if next_on else "") + (f" cost={shlex.quote(cost)}" if cost != "0" else "")  # fmt: skip
    _out("legal_steps", [row], f"loanbook collections legal {key} {stage} {facts}", on, agent)


def _moment(name: str, on: dt.date) -> str:
    """A moment with its offset, as files have it; by the clock where the date is of these days."""
    now = dt.datetime.now().astimezone().replace(microsecond=0)
    if not 0 <= (now.date() - on).days <= 3:
        now = dt.datetime.combine(on, dt.time(12), dt.UTC)
    return st.text_input(
        "When", value=now.isoformat(), key=f"{name}_at", help=f"With its offset: {_FORM}"
    ).strip()


def _agent(name: str) -> str:
    """Who took it: who is signed in, in a demo whoever is named."""
    who = viewer()
    if not who.is_demo:
        return who.actor.name
    return st.text_input("Agent", value=who.actor.name, key=f"{name}_agent", width=240, help="In a demo alone; in production it is who signed in.").strip()  # fmt: skip


def _out(
    kind: str,
    rows: list[dict[str, Any]],
    command: str,
    on: dt.date,
    agent: str,
    *,
    ready: bool = True,
) -> None:
    """The rows as a file, and the command that does the same: whoever does both has written it down once."""
    from loanbook.pipelines.collections.written import referenced

    table = pl.DataFrame(referenced(rows)).select("reference", pl.exclude("reference"))
    file = f"{kind}_{on + dt.timedelta(days=1)}_{table['reference'][0]}.csv"
    st.download_button(
        "As a file to land", lambda: exports.csv(table), file, "text/csv", key=f"{kind}_file", on_click="ignore",
        icon=":material/download:", help=_LAND, disabled=not (agent and ready),
    )  # fmt: skip
    st.code(command + (f" --agent {shlex.quote(agent)}" if viewer().is_demo else ""), language="sh")
