"""Hits of lists of sanctions of the people whom a case names: which entry, how alike, what people said; no name of theirs."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.policy.decisions.screening import ScreeningRules
from loanbook.core.store.origination.screening import editions, hits_now, persons_of
from loanbook.dashboards import data
from loanbook.dashboards.parts.table import in_words, show_rows, titled

SHOWN = [
    "hit_id",
    "state",
    "list",
    "entry_ref",
    "listed_name",
    "score",
    "threshold",
    "birth",
    "on_date",
]


def draw(application: str, on: dt.date) -> None:
    """The section of the case; nothing where no list ever landed."""
    lake = data.ledger().lake()
    if editions(lake).is_empty():
        return
    known = data.stored_policies().all_in_force(ScreeningRules, on)
    needed = known["standard"].persons_to_clear if "standard" in known else 1
    persons = persons_of(lake, pl.Series("application_id", [application]))
    found = (
        hits_now(lake, needed)
        .join(persons, on="applicant", how="semi")
        .filter(pl.col("on_date") <= on)
    )
    st.markdown("**Lists of sanctions**")
    if found.is_empty():
        st.caption("No hit that stands. Who was screened by what: the input `screening` above.")
        return
    rows = found.select(SHOWN).with_columns(*in_words("state", "birth"))
    show_rows(rows, column_config=titled(rows, hit_id="Hit", entry_ref="Entry", listed_name="Name in the list",
                                         score="Alike, %", threshold="A hit from, %", on_date="Found on"))  # fmt: skip
    if "open" in rows["state"].to_list():
        st.warning(
            "A hit is open: nobody approves and nothing is paid out until people say who it is, by `loanbook screening clear` or "
            "`loanbook screening confirm`.", icon=":material/gavel:",
        )  # fmt: skip
