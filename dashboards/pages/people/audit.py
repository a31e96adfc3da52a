"""Audit: who did what, the proof that the trail is whole, and audit packs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl
import streamlit as st

from loanbook.core.access.trail import ACTIVITIES
from loanbook.core.store.people.acting import has_people
from loanbook.core.store.people.anchors import anchors
from loanbook.core.store.people.audit import Record, entries, log, verified
from loanbook.core.words import counted
from loanbook.dashboards.formats import MISSING, count
from loanbook.dashboards.page import Page
from loanbook.dashboards.pages.people import pack
from loanbook.dashboards.parts.card import done, downloads, picked_row, time_column
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.people.viewer import Viewer, viewer

MOST = 500
"""Entries that are shown, the newest; `loanbook audit --json` has all."""
_READ = "_audit_read"
SHOWN = {"seq": "Entry", "time": "When", "activity_name": "What", "actor_user_name": "Who", "entity_uid": "About",
         "loan_key": "Loan", "result": "Result", "status_detail": "Reason"}  # fmt: skip


def draw() -> None:
    """Draw the trail for the filters of the URL, its proof, and the pack."""
    st.title("Audit", anchor=False)
    who = viewer()
    if who.is_demo and not has_people(who.where):
        st.info(
            "A demo keeps no trail of who looks at it; one begins with the first order or export."
        )
    else:
        _proof(who)
        _trail(who)
    pack.draw(who)
    done(f"audit|{st.session_state.get('actor', '')}|{st.session_state.get('about_loan', '')}")


def _proof(who: Viewer) -> None:
    """A button that goes over the whole chain, and names the first entry that does not fit."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if why := who.may("audit.verify").why:
            st.caption(f"Not shown to you: whether the trail is whole. {why}.")
            return
        asked = st.button(
            "Verify the trail", key="verify", icon=":material/verified_user:", type="primary"
        )
        if not asked:
            st.caption(
                "Every entry by its hash, and the last ones by what each version of the ledger named."
            )
            return
        known = anchors(who.where)
        number, broken = verified(who.people, known)
        told = str(number) if broken is None else f"broken at {broken.seq}"
        log(who.people, who.actor, Record("audit.verify", ("audit", told), success=broken is None))
        if broken is None:
            st.success(f"{counted(number, 'entry', 'entries')}, whole; {counted(len(known), 'version')} of the ledger checked against it.")  # fmt: skip
        else:
            st.error(
                f"Entry {broken.seq} of the trail is broken: {broken.why}.",
                icon=":material/gpp_bad:",
            )


def _trail(who: Viewer) -> None:
    if why := who.may("audit.read").why:
        st.warning(f"The trail is not shown to you: {why}.", icon=":material/lock:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        actor = st.text_input("Who", key="actor", bind="query-params", width=200)
        loan = st.text_input("Loan (its key)", key="about_loan", bind="query-params", width=200)
        since = st.date_input("Since, UTC", value=None, key="since", bind="query-params", width=160)
        activity = st.selectbox(
            "What", ["all", *ACTIVITIES], key="activity", bind="query-params", width=220
        )
    asked = {"actor": actor or None, "loan": loan or None, "since": since if isinstance(since, dt.date) else None,
             "activity": activity if activity != "all" else None}  # fmt: skip
    rows = entries(who.people, last=MOST, **asked)  # type: ignore[arg-type]
    _told(who, asked)
    if rows.is_empty():
        st.info(
            "Nothing in the trail fits. Take a filter away."
            if any(asked.values())
            else "The trail is empty: nobody did anything that it keeps."
        )
        return
    newest = rows.reverse().with_columns(
        result=pl.col("status_id").replace_strict({1: "done", 2: "refused"}, return_dtype=pl.String)
    )
    event = show_rows(
        newest.select(*SHOWN).with_columns(
            pl.col("time").dt.replace_time_zone(None), pl.col(pl.String).fill_null(MISSING)
        ), 
        key="trail", on_select="rerun", selection_mode="single-row",
        column_config={**SHOWN, "time": time_column("When", seconds=True),
                       "status_detail": st.column_config.TextColumn("Reason", width="medium"),
                       "loan_key": st.column_config.TextColumn("Loan", width=200)},
    )  # fmt: skip
    st.caption(f"The newest {count(rows.height)}{' at most' if rows.height == MOST else ''} that fit. Choose one to see all of it.")  # fmt: skip
    picked = picked_row(event, newest)
    if picked:
        _entry(picked)
    about = {"what": "Entries of the audit trail", **{k: str(v) for k, v in asked.items() if v}}
    downloads(lambda: rows, about, "audit", "audit")


def _told(who: Viewer, asked: Mapping[str, object]) -> None:
    """The trail tells of who reads it: once a session and question."""
    question = str(asked)
    known: set[str] = st.session_state.setdefault(_READ, set())
    if who.is_demo or question in known:
        return
    known.add(question)
    loan = asked["loan"]
    log(who.people, who.actor,
        Record("audit.read", ("audit", ""), loan=str(loan) if loan else None, after=asked))  # fmt: skip


def _entry(row: dict[str, object]) -> None:
    """An entry whole: from where, in which roles, what was before and after."""
    with st.container(border=True):
        st.markdown(f"**Entry {row['seq']}** · {row['activity_name']} by **{row['actor_user_name']}** "
                    f"({row['actor_user_groups'] or 'no role'})")  # fmt: skip
        told = {"from": row["src_endpoint_ip"], "device": row["device_name"], "session": row["actor_session_uid"],
                "correlation": row["metadata_correlation_uid"], "hash": row["hash"]}  # fmt: skip
        st.caption(" · ".join(f"{name}: {value}" for name, value in told.items() if value))
        left, right = st.columns(2)
        for place, name in ((left, "before"), (right, "after")):
            if row[name]:
                place.caption(name.capitalize())
                place.json(str(row[name]))


PAGE = Page("audit", "Audit", ":material/policy:", "People", draw)
