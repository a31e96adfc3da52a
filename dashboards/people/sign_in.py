"""The page that asks who somebody is: name, password and code, or a provider; and sets up a second factor."""

from __future__ import annotations

import io

import segno
import streamlit as st

from loanbook.core.access.actor import AccessError
from loanbook.core.access.claims import NotFreshError
from loanbook.core.errors import LoanbookError
from loanbook.core.store.people import provided, sessions
from loanbook.core.store.people.database import People
from loanbook.core.store.settings import Settings
from loanbook.dashboards.people.provider import Provider, provider
from loanbook.dashboards.people.session import tickets
from loanbook.dashboards.people.viewer import SECRET, Viewer, people_of

TICKET = "_ticket"
_REFUSED, _ENROLS, _LATER = "_provider_refused", "_enrols", "_second_factor_later"


def draw() -> None:
    """Ask who it is; nothing else of the instance is shown."""
    where = Settings.from_environment()
    people, known = people_of(where), provider(where)
    if known is not None and _came_back(people):
        st.rerun()
    _, middle, _ = st.columns([1, 1.4, 1])
    with middle:
        st.title("loanbook", anchor=False)
        st.caption("Sign in to see what your roles show. Every sign-in stands in the audit trail.")
        if known is not None:
            _by_provider(known)
        _by_password(people)


def _by_password(people: People) -> None:
    with st.form("sign_in", border=True):
        name = st.text_input("Name", key="sign_in_name", autocomplete="username", max_chars=64)
        password = st.text_input("Password", type="password", key="sign_in_password",
                                 autocomplete="current-password", max_chars=200)  # fmt: skip
        code = st.text_input(
            "Code of the second factor", key="sign_in_code", autocomplete="one-time-code", max_chars=8,
            help="Six digits from your authenticator, if you set one up.",
        )  # fmt: skip
        asked = st.form_submit_button("Sign in", type="primary", width="stretch")
    if not asked:
        return
    address, device = _from_where()
    try:
        secret, _ = sessions.sign_in(
            people, sessions.Credentials(name, password, code, address, device)
        )
    except AccessError as error:
        st.error(str(error), icon=":material/lock:")
        return
    _begin(people, secret)
    st.rerun()


def _by_provider(known: Provider) -> None:
    if why := st.session_state.get(_REFUSED):
        st.error(why, icon=":material/lock:")
    if st.button(f"Sign in with {known.title}", key="provider", type="primary", width="stretch"):
        st.session_state.pop(_REFUSED, None)
        st.login()
    st.caption("or, where you have a password here:")


def _came_back(people: People) -> bool:
    """Whether a session begins with what the provider answered, which it does once."""
    if not getattr(st.user, "is_logged_in", False) or _REFUSED in st.session_state:
        return False
    try:
        secret, _ = provided.sign_in_by_claims(people, dict(st.user.to_dict()), *_from_where())
    except NotFreshError:
        st.session_state[_REFUSED] = ""
        return False
    except AccessError as error:
        st.session_state[_REFUSED] = f"{error}. Sign in again, or ask an administrator."
        return False
    _begin(people, secret)
    return True


def _begin(people: People, secret: str) -> None:
    """Keep a session: here for this tab, and by a ticket for the browser."""
    for key in [key for key in st.session_state if str(key).startswith("sign_in_")]:
        del st.session_state[key]  # no password stays where it was typed
    st.session_state[SECRET] = secret
    st.session_state[TICKET] = tickets().issue(secret, 3600.0 * people.rules.session_hours)


def _from_where() -> tuple[str, str]:
    """Address and browser, as the connection tells them."""
    return st.context.ip_address or "", st.context.headers.get("User-Agent", "")[:200]


def second_factor(who: Viewer) -> bool:
    """Set up a second factor where a role asks for one; whether the page is taken up by that."""
    wanted = who.access.wants_second_factor(who.actor)
    if not wanted or st.session_state.get(_LATER) or not sessions.may_enrol(who.people, who.actor):
        return False
    _, middle, _ = st.columns([1, 1.8, 1])
    with middle:
        st.title("Set up a second factor", anchor=False)
        st.markdown(
            f"Your role **{', '.join(wanted)}** counts once you sign in with one. Scan the code with an authenticator, "
            "or type the key into it, then write the six digits that it shows."
        )
        if _ENROLS not in st.session_state:
            st.session_state[_ENROLS] = sessions.begin_second_factor(who.people, who.actor.name)
        address = str(st.session_state[_ENROLS])
        picture = io.BytesIO()
        segno.make(address, error="m").save(picture, kind="png", scale=5, border=3)
        left, right = st.columns([1, 1.4], vertical_alignment="center")
        left.image(picture.getvalue(), width=220)
        with right:
            st.caption("The key, where a picture can't be scanned")
            st.code(
                address.partition("secret=")[2].partition("&")[0], language=None, wrap_lines=True
            )
            with st.form("second_factor", border=False):
                code = st.text_input(
                    "Code", key="enrol_code", autocomplete="one-time-code", max_chars=8
                )
                done = st.form_submit_button("Use it from now on", type="primary")
        if st.button("Later", help="What those roles let you do stays closed until then."):
            st.session_state[_LATER] = True
            st.rerun()
        if done:
            try:
                sessions.confirm_second_factor(who.people, who.actor, who.actor.name, code)
            except LoanbookError as error:
                st.error(str(error), icon=":material/lock:")
            else:
                del st.session_state[_ENROLS]
                st.rerun()
    return True
