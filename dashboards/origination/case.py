"""One case: what was asked for, its events, the decision's trace, what is missing, and what was known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.contract.money import percent, to_major


def draw(told: dict[str, Any] | None, on: dt.date) -> None:
    """The section of the page. `told`: as `loanbook.core.store.origination.reading.case_of` has it; of the date and before."""
    if told is None:
        st.info("No application has this id; the queue lists them.")
        return
    asked = told["application"]
    st.subheader(asked["application_id"], anchor=False)
    st.caption(
        f"{to_major(asked['amount'], asked['currency'])} {asked['currency']} over {asked['term']} for {asked['product']}, "
        f"submitted on {asked['submitted_on']} by {asked['partner']}; {asked['applicant_kind']}"
    )
    decisions = [each for each in told["decisions"] if each["decided_at"].date() <= on]
    if not decisions:
        st.info(f"Nothing was decided by {on}.")
    for place, decision in enumerate(decisions):
        with st.expander(_title(decision), expanded=place == 0):
            _decision(decision, place)
    st.markdown("**Events**")
    events = [each for each in told["events"] if each["happened_at"].date() <= on]
    st.dataframe(pl.DataFrame(events, infer_schema_length=None), hide_index=True)
    facts = [each for each in told["facts"] if each["known_on"] <= on]
    st.markdown("**What was known, and where it stands**")
    if facts:
        st.dataframe(pl.DataFrame(facts, infer_schema_length=None), hide_index=True)
    else:
        st.caption("No source told anything.")
    shared = [each for each in told["links"] if each["others"]]
    if shared:
        st.warning(
            "Shared with other applications: "
            + ", ".join(f"{each['kind'].replace('_', ' ')} ({each['others']})" for each in shared)
        )


def _title(decision: dict[str, Any]) -> str:
    return (
        f"{decision['outcome'].capitalize()} as of {decision['decided_at']:%Y-%m-%d} by {decision['policy']}@"
        f"{decision['policy_version']}"
    )


def _decision(decision: dict[str, Any], place: int) -> None:
    currency = decision["currency"]
    if decision["amount"] is not None:
        st.markdown(
            f"{to_major(decision['amount'], currency)} {currency} over {decision['term']} at {percent(decision['rate_ppb'])} %, "
            f"grade {decision['grade']}, {decision['points']} points, about {to_major(decision['instalment'], currency)} a month"
        )
    for words in decision["in_words"]:
        st.markdown(f"- {words}")
    for name, words in (
        ("missing", "Missing"),
        ("mistyped", "Of another type, or a word that is not listed"),
    ):
        if decision[name]:
            st.warning(f"{words}: {decision[name].replace(',', ', ')}", icon=":material/help:")
    rules, points, inputs = st.tabs(["Rules", "Points", "Inputs"])
    rules.dataframe(pl.DataFrame(decision["rules"]), hide_index=True)
    points.dataframe(pl.DataFrame(decision["points_of"]), hide_index=True)
    values = [
        {"input": name, "value": "–" if value is None else str(value)}
        for name, value in decision["inputs"].items()
    ]
    inputs.dataframe(pl.DataFrame(values), hide_index=True)
    st.caption(
        f"Policy {decision['policy_hash'][:16]}…, inputs {decision['input_hash'][:16]}…, decision {decision['decision_id']}. "
        "`loanbook decide --rerun` makes it again."
    )
