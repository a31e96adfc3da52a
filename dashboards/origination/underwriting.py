"""A person's decision on a case that the policy refers: approve, reject, ask for more; or why it is not the viewer's."""

from __future__ import annotations

import datetime as dt
from typing import Any

import streamlit as st

from loanbook.core.access.actor import Actor
from loanbook.core.contract.money import to_major, to_minor
from loanbook.core.decision.by_person import APPROVE, ASK, REJECT, STATES, Wanted
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.scorecard import SHOWN_REASONS
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.store.origination.reading import policies_of
from loanbook.core.store.people import queue
from loanbook.core.store.people.acting import has_people
from loanbook.core.store.people.queue import PROPOSED
from loanbook.dashboards import data
from loanbook.dashboards.parts import finder
from loanbook.dashboards.people.viewer import Viewer, viewer
from loanbook.dashboards.people.who import acts_as

_SAID = "_underwriting_said"


def draw(told: dict[str, Any]) -> None:
    """The form of a case (`loanbook.core.store.origination.reading.case_of`) that waits for a person, and what was said."""
    if said := st.session_state.pop(_SAID, ""):
        st.success(said, icon=":material/check_circle:")
    if told["state"] not in STATES[APPROVE] or not told["decisions"]:
        return
    last = told["decisions"][0]
    if last["outcome"] != "referred":
        return
    st.markdown("**Your decision**")
    who = viewer()
    verdict = who.may("case.decide")
    if not verdict.allowed:
        st.caption(f"Not yours to decide: {verdict.why}.")
        return
    _waiting(who, told["application"]["application_id"])
    from loanbook.pipelines.origination.underwriting import rules_of

    lake = data.ledger().lake()
    _, newest = lake.landed_dates()
    try:
        rules = rules_of(data.stored_policies(), last["product"], newest or dt.date.max)
    except LoanbookError as error:
        st.info(str(error))
        return
    policy = DecisionPolicy.model_validate_json(policies_of(lake)[last["policy_hash"]])
    actor = acts_as(who)
    wanted = _form(told, policy, rules)
    if wanted is not None:
        _decide(who, actor, wanted)


def _waiting(who: Viewer, application: str) -> None:
    """Approvals of the case that wait for a second person."""
    if who.is_demo and not has_people(who.where):
        return
    for order in queue.orders(who.people, PROPOSED):
        if order.proposal.loan_key == application:
            st.info(f"{order.maker} approved it; it waits for a second person.", icon=":material/hourglass_top:")  # fmt: skip
            finder.link("approvals", f"Open order {order.id}", order=order.id, show="All that wait")


def _form(
    told: dict[str, Any], policy: DecisionPolicy, rules: UnderwritingPolicy
) -> Wanted | None:  # fmt: skip
    """What was decided with the form; None: nothing yet."""
    asked, last = told["application"], told["decisions"][0]
    kinds = {"Approve": APPROVE, "Reject": REJECT} | ({"Ask for more": ASK} if told["state"] in STATES[ASK] else {})  # fmt: skip
    kind = st.segmented_control("Decide to", [*kinds], default="Approve", key="verdict") or "Approve"  # fmt: skip
    verdict, words = kinds[kind], rules.reasons
    with st.form(f"decide {asked['application_id']} {verdict}", border=False):
        amount, term, grade = "", None, ""
        codes: tuple[str, ...] = ()
        if verdict == APPROVE:
            with st.container(horizontal=True):
                amount = st.text_input(f"Amount, {asked['currency']}", to_major(asked["amount"], asked["currency"]), width=180)  # fmt: skip
                terms = sorted({term for band in policy.grades for term in band.rate_percent})
                place = terms.index(asked["term"]) if asked["term"] in terms else 0
                term = st.selectbox("Instalments", terms, index=place, width=140)
                if last["grade"] is None:
                    names = [band.grade for band in policy.grades]
                    grade = st.selectbox("Grade", names, index=len(names) - 1, width=140,
                                         help="Points can't be told: you give the grade, and its price.")  # fmt: skip
        elif verdict == REJECT:
            every = policy.words() | rules.adverse_reasons
            codes = tuple(st.multiselect("What the applicant is told", [*every], format_func=every.__getitem__,
                                         max_selections=SHOWN_REASONS, key="adverse",
                                         default=[code for code in last["reasons"].split(",") if code in every]))  # fmt: skip
        else:
            codes = tuple(st.multiselect("What is asked for", [*rules.information], key="information",
                                         format_func=rules.information.__getitem__))  # fmt: skip
        reason = st.selectbox("Why", [*words], index=None, key="why", format_func=words.__getitem__,
                              help="Kept with the decision; persons' decisions are counted by it.")  # fmt: skip
        note = st.text_input("Note", key="note", max_chars=500, help="Kept with the decision. Nothing personal of the applicant.")  # fmt: skip
        if not st.form_submit_button(kind, type="primary", key="decide"):
            return None
    if reason is None:
        st.error("Say why.")
        return None
    minor = None
    if verdict == APPROVE:
        try:
            minor = to_minor(amount.replace(",", ""), asked["currency"])
        except ValueError:
            st.error(f"{amount!r} is no amount; write it like 9000.00.")
            return None
    return Wanted(asked["application_id"], verdict, reason, minor, term, grade or "", codes, note)


def _decide(who: Viewer, actor: Actor, wanted: Wanted) -> None:
    from loanbook.pipelines.origination.underwriting import decide_case, office_of

    try:
        with office_of(who.people) as office:
            done = decide_case(office, actor, wanted)
    except LoanbookError as error:
        st.error(str(error), icon=":material/block:")
        return
    waits = f" It waits for a second person as order {done.order}." if done.outcome == "waits" else ""  # fmt: skip
    said = "approved" if done.outcome == "waits" else done.outcome.replace("_", " ")
    st.session_state[_SAID] = f"{wanted.application_id}: {said}.{waits}"
    st.rerun()
