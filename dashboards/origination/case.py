"""One case: what was asked for, its events, the decision's trace, what is missing, and what was known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.contract.money import percent
from loanbook.dashboards.formats import day, exact_money
from loanbook.dashboards.parts.table import in_words, show_rows, titled


def draw(told: dict[str, Any] | None, on: dt.date) -> None:
    """The section of the page. `told`: as `loanbook.core.store.origination.reading.case_of` has it; of the date and before."""
    if told is None:
        st.info("No application has this id; the queue lists them.")
        return
    asked = told["application"]
    st.subheader(asked["application_id"], anchor=False)
    st.caption(
        f"{exact_money(asked['amount'], asked['currency'])} over {asked['term']} instalments for {asked['product']}, submitted on "
        f"{day(asked['submitted_on'])} by {asked['partner']}; {asked['applicant_kind'].replace('_', ' ')}"
    )
    _missing(told, on)
    for person in (each for each in told["persons"] if each["decided_on"] <= on):
        _by_person(person)
    decisions = [each for each in told["decisions"] if each["decided_at"].date() <= on]
    if not decisions:
        st.info(f"Nothing was decided by {day(on)}.")
    for place, decision in enumerate(decisions):
        with st.expander(_title(decision), expanded=place == 0):
            _decision(decision, place)
    st.markdown("**Events**")
    events = [each for each in told["events"] if each["happened_at"].date() <= on]
    told_events = pl.DataFrame(events, infer_schema_length=None).with_columns(
        *in_words("event", "reason")
    )
    show_rows(told_events, column_config=titled(told_events, happened_at="On", actor="By"))
    facts = [each for each in told["facts"] if each["known_on"] <= on]
    st.markdown("**What was known, and where it stands**")
    if facts:
        known = pl.DataFrame(facts, infer_schema_length=None)
        show_rows(known, column_config=titled(known, as_of="As of", path="Where in the record"))
    else:
        st.caption("No source told anything.")
    shared = [each for each in told["links"] if each["others"]]
    if shared:
        st.warning(
            "Shared with other applications: "
            + ", ".join(f"{each['kind'].replace('_', ' ')} ({each['others']})" for each in shared)
        )


def _missing(told: dict[str, Any], on: dt.date) -> None:
    """What the case waits for, and the documents that its people handed in."""
    documents = [each for each in told["documents"] if each["known_on"] <= on]
    if told["state"] == "need_more_information":
        asked = next((each for each in told["persons"] if each["verdict"] == "ask"), None)
        lacks = told["decisions"][0]["lacks"] if told["decisions"] else []
        waits = [words for _, words in lacks] + (asked["in_words"] if asked else [])
        if waits:
            lines = "".join(f"\n- {words}" for words in waits)
            st.info(f"This case waits for:{lines}", icon=":material/hourglass_top:")
    if documents:
        st.markdown("**Documents handed in**")
        rows = pl.DataFrame(documents, infer_schema_length=None).select(
            "document_id", "type", "of", "media", "bytes", "scan", "uploader", "uploaded_at", "known_on", pl.col("sha256").str.head(12)
        ).with_columns(*in_words("type", "of", "scan"))  # fmt: skip
        show_rows(rows, height="content", column_config=titled(rows, document_id="Document", media="Kind", known_on="Known from", sha256="SHA-256"))  # fmt: skip
        st.caption(
            "`loanbook apply document ID --to FILE --reason TEXT` opens one, for who may see persons unmasked."
        )


def _by_person(decision: dict[str, Any]) -> None:
    """What a person decided, why, past what, and what the applicant is told."""
    with st.container(border=True):
        verb = {"approve": "Approved", "reject": "Rejected"}.get(decision["verdict"], "Asked for more information")  # fmt: skip
        second = f", confirmed by {decision['checkers']}" if decision["checkers"] else ""
        st.markdown(
            f"**{verb} by {decision['maker']}**{second} on {day(decision['decided_on'])}: {decision['why']}"
        )
        if decision["amount"] is not None:
            currency = decision["currency"]
            st.markdown(
                f"{exact_money(decision['amount'], currency)} over {decision['term']} instalments at {percent(decision['rate_ppb'])} %, "
                f"grade {decision['grade']}, about {exact_money(decision['instalment'], currency)} a month"
            )
        for words in decision["in_words"]:
            st.markdown(f"- {words}")
        past = (
            f"Past {decision['past'].replace(',', ', ').replace('_', ' ')}. "
            if decision["past"]
            else ""
        )
        st.caption(
            f"{past}{decision['note']} By underwriting {decision['underwriting']}, decision {decision['decision_id']}."
        )


def _title(decision: dict[str, Any]) -> str:
    return (
        f"{decision['outcome'].capitalize()} as of {day(decision['decided_at'])} by {decision['policy']}@"
        f"{decision['policy_version']}"
    )


def _decision(decision: dict[str, Any], place: int) -> None:
    currency = decision["currency"]
    if decision["amount"] is not None:
        st.markdown(
            f"{exact_money(decision['amount'], currency)} over {decision['term']} instalments at {percent(decision['rate_ppb'])} %, "
            f"grade {decision['grade']}, {decision['points']} points, about {exact_money(decision['instalment'], currency)} a month"
        )
    for words in decision["in_words"]:
        st.markdown(f"- {words}")
    if decision["lacks"]:
        lines = "".join(f"\n- {words} (`{name}`)" for name, words in decision["lacks"])
        st.warning(f"Missing:{lines}", icon=":material/help:")
    if decision["mistyped"]:
        wrong = decision["mistyped"].replace(",", ", ")
        st.warning(
            f"Of another type, or a word that is not listed: {wrong}", icon=":material/help:"
        )
    rules, points, inputs = st.tabs(["Rules", "Points", "Inputs"])
    with rules:
        answers = pl.DataFrame(decision["rules"])
        show_rows(
            answers.with_columns(
                *in_words("rule", "group"),
                pl.col("inputs").str.replace_all("= None", "= not known"),
            ),
            column_config=titled(answers),
            height="content",
        )
    with points:
        given = pl.DataFrame(decision["points_of"])
        show_rows(given, column_config=titled(given, most="At most"), height="content")
    values = [
        {"input": name, "value": None if value is None else str(value)}
        for name, value in decision["inputs"].items()
    ]
    with inputs:
        read = pl.DataFrame(values, schema={"input": pl.String, "value": pl.String})
        show_rows(read, column_config=titled(read), height="content")
        st.caption(
            "As the policy reads them: amounts in minor units, `_bp` in hundredths of a per cent."
        )
    st.caption(
        f"Policy {decision['policy_hash'][:16]}…, inputs {decision['input_hash'][:16]}…, decision {decision['decision_id']}. "
        "`loanbook decide --rerun` makes it again."
    )
