"""Duplicates: records of the vault that may be of one person, what each likeness weighs, and what people say of them."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.errors import LoanbookError
from loanbook.core.store.origination.merges import pairs_now, said_of_pairs
from loanbook.core.store.people import queue
from loanbook.core.store.people.acting import has_people
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.card import done, downloads, picked_row
from loanbook.dashboards.parts.table import in_words, show_rows, titled
from loanbook.dashboards.people.viewer import Viewer, viewer
from loanbook.dashboards.people.who import acts_as

KINDS = ("That wait", "Merged", "Two persons", "All")
_EVENTS = {KINDS[1]: "merged", KINDS[2]: "apart"}
_SAID = "_duplicates_said"


def page() -> None:
    """Draw the page: pairs as they stand now."""
    st.title("Duplicates", anchor=False)
    if said := st.session_state.pop(_SAID, ""):
        st.success(said, icon=":material/check_circle:")
    lake = data.ledger().lake()
    rows = pairs_now(lake)
    if rows.is_empty():
        st.info("No pair was found. `loanbook duplicates run` compares the persons of the vault.")
        done("duplicates|none")
        return
    waits = rows.filter(pl.col("event").is_null() | (pl.col("event") == "parted"))
    _figures(rows, waits)
    kind = (
        st.segmented_control("Show", KINDS, default=KINDS[0], key="show", bind="query-params")
        or KINDS[0]
    )
    listed = waits if kind == KINDS[0] else rows
    listed = listed.filter(pl.col("event") == _EVENTS[kind]) if kind in _EVENTS else listed
    chosen = _chosen(listed, rows)
    if chosen is not None:
        with st.container(border=True):
            _one(chosen)
    done(f"duplicates|{kind}|{chosen['pair_id'] if chosen else ''}")


def _figures(rows: pl.DataFrame, waits: pl.DataFrame) -> None:
    merged = rows.filter(pl.col("event") == "merged")
    persons = pl.concat([waits["person"], waits["other"]]).n_unique()
    with st.container(horizontal=True):
        st.metric("Pairs that wait", count(waits.height), border=True,
                  help="Of which nobody said yet whether they are one person.")  # fmt: skip
        st.metric("Persons in them", count(persons), border=True)
        st.metric("Merged", count(merged.height), border=True,
                  help="Pairs that reads take for one person: decisions know the history of both.")  # fmt: skip
        last = rows["on_date"].sort()[-1]
        st.metric(
            "Last found", day(last), border=True, help="Business date of the last pair that is new."
        )


def _chosen(listed: pl.DataFrame, rows: pl.DataFrame) -> dict[str, Any] | None:
    """The table, and the pair that is chosen in it or by the address."""
    shown = listed.select(
        "pair_id", weight=(pl.col("weight") / 100).round(1), odds=_odds(), evidence=_words(), said=pl.col("event"), since="since",
        person="person", other="other", found_on="on_date",
    )  # fmt: skip
    titles = titled(
        shown, pair_id="Pair", weight="Weight, bits", odds="Odds that it is one", evidence="Why", person="Record", other="And",
    )  # fmt: skip
    titles["weight"] = st.column_config.NumberColumn("Weight, bits", format="%.1f", help="Logarithm to base 2 of the odds.")  # fmt: skip
    event = show_rows(
        shown, key="pairs", on_select="rerun", selection_mode="single-row", column_config=titles
    )
    downloads(
        lambda: listed, {"what": "Pairs of records that may be of one person"}, "duplicates", "duplicates"
    )  # fmt: skip
    picked = picked_row(event, shown)
    wanted = picked["pair_id"] if picked else st.query_params.get("pair", "")
    found = rows.filter(pl.col("pair_id") == wanted)
    if found.is_empty():
        found = listed.head(1)
    return found.row(0, named=True) if found.height else None


def _odds() -> pl.Expr:
    """Odds as people say them, from hundredths of a bit."""
    bits = pl.col("weight") / 100
    return (
        pl.when(bits >= 20).then(pl.lit("above a million to 1"))
        .when(bits >= 0).then(pl.format("{} to 1", pl.lit(2.0).pow(bits).round(0).cast(pl.Int64)))
        .otherwise(pl.format("1 to {}", pl.lit(2.0).pow(-bits).round(0).cast(pl.Int64)))
    )  # fmt: skip


def _words() -> pl.Expr:
    """Fields that speak for it."""
    return (
        pl.col("evidence").str.split(";")
        .list.eval(pl.element().filter(pl.element().str.contains(" same | alike ")).str.replace(r" -?[\d.]+$", ""))
        .list.join(", ").str.replace_all("_", " ")
    )  # fmt: skip


def _one(found: dict[str, Any]) -> None:
    """A pair: what it weighs, both records as the viewer's roles show them, what was said, and what may be said."""
    from loanbook.pipelines.origination.duplicates import evidence_of

    st.subheader(f"Pair {found['pair_id']}", anchor=False)
    st.caption(
        f"{found['weight'] / 100:.2f} bits, by {found['method']}, found on {day(found['on_date'])}"
    )
    left, right = st.columns([2, 3])
    with left:
        st.markdown("**What it weighs, in bits**")
        rows = evidence_of(found["evidence"]).with_columns(
            pl.col("field").replace("before", "any two records").str.replace_all("_", " ")
        )
        show_rows(rows, height="content", column_config=titled(rows) | {
            "bits": st.column_config.NumberColumn("Bits", format="%+.2f")})  # fmt: skip
        st.caption(
            "Their sum is the weight. *Any two records*: the odds before anything is compared."
        )
    who = viewer()
    with right:
        st.markdown("**Both records**")
        _records(who, found)
    said = said_of_pairs(data.ledger().lake()).filter(
        (pl.col("person") == found["person"]) & (pl.col("other") == found["other"])
    )
    if said.height:
        st.markdown("**What people said**")
        told = said.select("on_date", "event", "reason", "note", "maker", "checkers").with_columns(*in_words("reason"))  # fmt: skip
        show_rows(told, column_config=titled(told, on_date="On", maker="By", checkers="Approved by"))  # fmt: skip
    _say(who, found)


def _records(who: Viewer, found: dict[str, Any]) -> None:
    from loanbook.core.store.vault.vault import Vault

    verdict = who.may("personal.read")
    if not verdict.allowed or (who.is_demo and not has_people(who.where)):
        st.caption(f"Not shown to you: {verdict.why or 'no vault is there'}.")
        return
    both = Vault(who.people).masked(pl.Series([found["person"], found["other"]]), who.actor)
    fields = both.drop("kind", "state").transpose(
        include_header=True, header_name="field", column_names=["record", "and"]
    )
    told = fields.filter(pl.any_horizontal(pl.exclude("field").is_not_null()))
    rows = told.drop("person", strict=False).with_columns(*in_words("field"))
    show_rows(rows, height="content", column_config=titled(rows))
    st.caption("As your roles show persons; looking stands in the audit trail.")


def _say(who: Viewer, found: dict[str, Any]) -> None:
    """The form, or why it is not the viewer's."""
    from loanbook.pipelines.origination.duplicates import MERGE, PART, rules_if_any

    verdict = who.may("person.merge")
    if not verdict.allowed:
        st.caption(f"Not yours to say who is one person: {verdict.why}.")
        return
    for order in queue.orders(who.people, queue.PROPOSED) if has_people(who.where) else []:
        if order.proposal.loan_key == found["pair_id"]:
            st.info(f"{order.maker} ordered: {order.proposal.command.replace('_', ' ')}. It waits for another person.", icon=":material/hourglass_top:")  # fmt: skip
            finder.link("approvals", f"Open order {order.id}", order=order.id, show="All that wait")
            return
    _, last = data.ledger().lake().landed_dates()
    rules = rules_if_any(data.stored_policies(), last or found["on_date"])
    if rules is None:
        st.info("No policy of duplicates is in force.")
        return
    merged = found["event"] == "merged"
    steps = {"Undo the merge": (PART, rules.parts)} if merged else {
        "They are one person": (MERGE, rules.merges), "They are two": ("apart", rules.parts)}  # fmt: skip
    kind = st.segmented_control("Say", [*steps], default=next(iter(steps)), key=f"say {found['pair_id']}")  # fmt: skip
    verb, words = steps[kind or next(iter(steps))]
    actor = acts_as(who)
    with st.form(f"say {found['pair_id']} {verb}", border=False):
        reason = st.selectbox("Why", [*words], index=None, format_func=words.__getitem__)
        note = st.text_input("Note", max_chars=500, help="Nothing personal of them.")
        label = "Say that they are two" if verb == "apart" else "Order the merge" if verb == MERGE else "Order that it is undone"  # fmt: skip
        pressed = st.form_submit_button(label, type="primary")
    if pressed and reason is None:
        st.error("Say why.")
    elif pressed and reason:
        _done(who, actor, verb, found["pair_id"], (reason, note))


def _done(who: Viewer, actor: Any, verb: str, pair_id: str, why: tuple[str, str]) -> None:
    from loanbook.pipelines.origination.duplicates import order, say_apart
    from loanbook.pipelines.origination.underwriting import office_of

    try:
        with office_of(who.people) as office:
            if verb == "apart":
                say_apart(office, actor, pair_id, *why)
                said = f"{pair_id} is two persons."
            else:
                made = order(office, actor, verb, pair_id, *why)
                said = f"Order {made.id} waits for {made.approvals_needed} more, until {day(made.expires_at)}."
    except LoanbookError as error:
        st.error(str(error), icon=":material/block:")
        return
    st.session_state[_SAID] = said
    st.rerun()


PAGE = Page("duplicates", "Duplicates", ":material/group:", "Origination", page)
