"""Users and roles: who may work with the instance, keeping them, and what each role may do and read."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import streamlit as st

from loanbook.core.access.matrix import matrix, pages_matrix
from loanbook.core.errors import LoanbookError
from loanbook.core.store.people import users
from loanbook.core.store.people.in_force import access_of
from loanbook.dashboards.formats import MISSING, count
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import done
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.people.viewer import Viewer, viewer

_SAID = "_users_said"
COLUMNS = {"name": "Name", "kind": "Kind", "roles": "Roles", "attributes": "Of", "second_factor": "Second factor",
           "state": "State", "open_sessions": "Open sessions", "os_user": "System user"}  # fmt: skip


def draw() -> None:
    """Draw users, what may be done with them, and the matrices."""
    st.title("Users and roles", anchor=False)
    who = viewer()
    if said := st.session_state.pop(_SAID, ""):
        st.success(said, icon=":material/check_circle:")
    if who.is_demo:
        st.info(
            "A demo asks nobody who they are; in production everyone is a user, and does what their roles grant."
        )
    else:
        listed = _users(who)
        _keeping(who, listed)
    _matrices(who)
    done("users")


def _users(who: Viewer) -> list[dict[str, object]]:
    if why := who.may("users.read").why:
        st.warning(f"Users are not shown to you: {why}.", icon=":material/lock:")
        return []
    listed = users.listed(who.people)
    with st.container(horizontal=True):
        st.metric("Users", count(len(listed)), border=True)
        weak = [u for u in listed if u["kind"] == "person" and u["second_factor"] == "no"]
        st.metric("Without a second factor", count(len(weak)), border=True,
                  help="People; a provider's own second factor does not show here.")  # fmt: skip
        st.metric("Locked", count(sum(u["state"] == "locked" for u in listed)), border=True)
        st.metric(
            "Open sessions", count(sum(int(str(u["open_sessions"])) for u in listed)), border=True
        )
    show_rows(
        pl.DataFrame(listed)
        .select(*COLUMNS)
        .with_columns(pl.col("os_user").cast(pl.String).fill_null(MISSING)),
        column_config=COLUMNS,
    )
    return listed


def _keeping(who: Viewer, listed: list[dict[str, object]]) -> None:
    """Add, give a role, say of which loans, reset, lock: each a form."""
    if why := who.may("users.manage").why:
        st.caption(f"Not yours to change: {why}.")
        return
    names = [str(each["name"]) for each in listed]
    roles = sorted(access_of(who.where, who.people).roles)
    tabs = st.tabs(["Add", "Roles", "Of which loans", "Reset", "Lock"])
    with tabs[0], st.form("add", border=False, clear_on_submit=True):
        name = st.text_input("Name", key="add_name", max_chars=64)
        password = st.text_input("First password", type="password", key="add_password",
                                 help=f"{users.SHORTEST} characters or more. None: by a provider, or the operating system.")  # fmt: skip
        given = st.multiselect("Roles", roles, key="add_roles")
        if st.form_submit_button("Add", type="primary"):
            new = users.NewUser(name, "person", None, password or None, tuple(given))
            _do(f"Added {name}.", lambda: users.add_user(who.people, who.actor, new))
    with tabs[1], st.form("role", border=False):
        name = st.selectbox("User", names, key="role_user") or ""
        role = st.selectbox("Role", roles, key="role_role") or ""
        with st.container(horizontal=True):
            if st.form_submit_button("Give", type="primary"):
                _do(
                    f"{name} has the role {role}.",
                    lambda: users.give_role(who.people, who.actor, name, role),
                )
            if st.form_submit_button("Take away"):
                _do(f"{name} has no longer the role {role}.", lambda: users.take_role(who.people, who.actor, name, role))  # fmt: skip
    with tabs[2], st.form("attribute", border=False):
        name = st.selectbox("User", names, key="attribute_user") or ""
        attribute = st.selectbox("Attribute", users.ATTRIBUTES, key="attribute_name") or ""
        values = st.text_input(
            "Values", key="attribute_values", placeholder="several: US-CA, US-NY; none: not known"
        )
        if st.form_submit_button("Set", type="primary"):
            told = [each.strip() for each in values.split(",") if each.strip()]
            _do(f"{attribute} of {name}: {', '.join(told) or 'not known'}.",
                lambda: users.set_attribute(who.people, who.actor, name, attribute, told))  # fmt: skip
    with tabs[3]:
        _reset(who, names)
    with tabs[4]:
        _lock(who, names)


def _reset(who: Viewer, names: list[str]) -> None:
    with st.form("reset", border=False, clear_on_submit=True):
        name = st.selectbox("User", names, key="reset_user") or ""
        password = st.text_input("New password", type="password", key="reset_password")
        st.caption("Every session of theirs ends.")
        with st.container(horizontal=True):
            if st.form_submit_button("Reset the password", type="primary"):
                _do(f"Reset the password of {name}.", lambda: users.set_password(who.people, who.actor, name, password))  # fmt: skip
            if st.form_submit_button("Forget the second factor"):
                _do(f"The second factor of {name} is forgotten.", lambda: users.reset_second_factor(who.people, who.actor, name))  # fmt: skip


def _lock(who: Viewer, names: list[str]) -> None:
    with st.form("lock", border=False):
        name = st.selectbox("User", names, key="lock_user") or ""
        reason = st.text_input("Reason", key="lock_reason", max_chars=500)
        with st.container(horizontal=True):
            pressed = [each for each in ("Lock out", "Let in again")
                       if st.form_submit_button(each, type="primary" if each == "Lock out" else "secondary")]  # fmt: skip
    if pressed and not reason.strip():
        st.error("Say why.")
    elif pressed:
        locked = pressed[0] == "Lock out"
        _do(f"{name} is {'locked out' if locked else 'open again'}.",
            lambda: users.lock(who.people, who.actor, name, reason, locked=locked))  # fmt: skip


def _do(said: str, change: Callable[[], None]) -> None:
    try:
        change()
    except LoanbookError as error:
        st.error(str(error), icon=":material/block:")
        return
    st.session_state[_SAID] = said
    st.rerun()


def _matrices(who: Viewer) -> None:
    if why := who.may("roles.read").why:
        st.caption(f"What each role may do is not shown to you: {why}.")
        return
    roles = list(access_of(who.where, who.people if not who.is_demo else None).roles.values())
    actions, pages = st.tabs(["What each role may do", "Which pages it reads"])
    told = pl.DataFrame(matrix(roles))
    with actions:
        show_rows(told, height="content",
                     column_config={"action": st.column_config.TextColumn("Action", width=120), "what": st.column_config.TextColumn("What it is", width=300)})  # fmt: skip
    with pages:
        seen = pl.DataFrame(pages_matrix(roles))
        show_rows(
            seen,
            height="content",
            column_config={"page": "Page"},
        )
    st.caption(
        "Made of `policies/roles`; what is not granted is refused, and the attempt stands in the audit trail."
    )


PAGE = Page("users", "Users and roles", ":material/group:", "People", draw)
