"""Who I am, on every page, whom a demo lets act, and signing out."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from loanbook.core.access.actor import Actor
from loanbook.core.store.people import sessions
from loanbook.dashboards.people.session import forget, hand_over
from loanbook.dashboards.people.sign_in import TICKET
from loanbook.dashboards.people.viewer import Viewer

_FORGET, _ACTED = "_forget_cookie", "_acted_as"


def acts_as(who: Viewer) -> Actor:
    """Who acts on a page; a demo takes anyone's word, as its commands do."""
    if not who.is_demo:
        return who.actor
    last = st.session_state.get(
        _ACTED, who.actor.name
    )  # a page that asks for nobody forgets its fields
    name = st.text_input("Act as", value=last, key="act_as", width=240,
                         help="In a demo alone: the person who acts. In production it is who signed in.")  # fmt: skip
    st.session_state[_ACTED] = name
    return replace(who.actor, name=name.strip() or who.actor.name)


def cookies() -> None:
    """Let the browser take or drop its cookie, where the run before signed somebody in or out."""
    if ticket := st.session_state.pop(TICKET, None):
        hand_over(str(ticket))
    if st.session_state.pop(_FORGET, None):
        forget()


def line(who: Viewer) -> None:
    """A line above the page: who looks, in which roles; in a demo, that it is one."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if who.is_demo:
            st.badge(
                "Demo: no accounts, whoever opens these pages sees and may do all of it",
                icon=":material/info:", color="orange",
            )  # fmt: skip
            return
        actor = who.actor
        missing = who.access.wants_second_factor(actor)
        if missing:
            st.badge(
                f"{', '.join(missing)}: needs a second factor",
                icon=":material/key:",
                color="orange",
            )
        with st.popover(actor.name, icon=":material/account_circle:"):
            st.markdown(f"**{actor.name}** · {', '.join(sorted(actor.roles)) or 'no role'}")
            told = [
                f"{name}: {', '.join(sorted(values))}"
                for name, values in sorted(actor.attributes.items())
            ]
            st.caption(
                " · ".join(
                    [*told, f"{'with' if actor.second_factor else 'without'} a second factor"]
                )
            )
            if st.button("Sign out", key="sign_out", icon=":material/logout:", width="stretch"):
                sessions.end(who.people, actor, told=True)
                _gone()
            if st.button("Sign out everywhere", key="sign_out_everywhere", width="stretch",
                         help="Every session of yours ends, on all devices."):  # fmt: skip
                sessions.sign_out(who.people, actor)
                _gone()


def _gone() -> None:
    """Nothing of theirs stays in this tab; a provider's sign-in ends too."""
    by_provider = bool(getattr(st.user, "is_logged_in", False))
    st.session_state.clear()
    st.session_state[_FORGET] = True
    if by_provider:
        st.logout()
    st.rerun()
