"""Who looks at a page, and what of the ledger they see.

The session's row is asked on every run: one that expired or was revoked, anywhere, shows nothing from then on. What a
browser holds is a secret in a cookie that no script reads; the server keeps it beside the run's state.
"""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.access.deciding import READ, Access, Verdict
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.people.acting import denied, is_demo, shown_by, system_user
from loanbook.core.store.people.audit import Record, log
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.people.sessions import resolved
from loanbook.core.store.settings import Settings

COOKIE = "loanbook_session"
EXPORT = "ledger.export"
SECRET, _LOOKED, _TOLD = "_session", "_viewer", "_denials"  # noqa: S105


@dataclass(frozen=True)
class Viewer:
    """Who looks at an instance, as known in one run."""

    where: Settings
    actor: Actor
    access: Access
    secret: str = field(default="", repr=False)

    @property
    def is_demo(self) -> bool:
        """Whether the instance is a demo, which asks nobody who they are."""
        return self.actor.kind == "demo"

    @property
    def people(self) -> People:
        """The people's database; in a demo it is made when somebody asks for it."""
        return people_of(self.where)

    def may(self, action: str, of: str = "*") -> Verdict:
        """Whether they may do an action."""
        return self.access.may(self.actor, action, of)

    def shown(self) -> Shown:
        """What of the ledger they see; AccessError where it is nothing."""
        reading = self.access.reading(self.actor)
        if reading is None:
            raise AccessError(self.may(READ).why)
        return shown_by(self.where, reading)

    def still_there(self) -> Viewer:
        """Who it is by now, for what happens after the run, as a download. AccessError where the session ended."""
        if self.is_demo:
            return self
        actor = resolved(self.people, self.secret)
        if actor is None:
            raise AccessError("the session ended; sign in again")
        return Viewer(self.where, actor, access_of(self.where, self.people), self.secret)


@st.cache_resource(show_spinner=False, hash_funcs={Settings: Settings.model_dump_json})
def people_of(where: Settings) -> People:
    """The process's connections to the people's database of an instance."""
    return open_people(where)


def look() -> Viewer | None:
    """Who looks, asked anew; None: nobody who is signed in. Each full run begins with it."""
    where = Settings.from_environment()
    found = _demo(where) if is_demo(where) else _signed_in(where)
    st.session_state[_LOOKED] = found
    return found


def _demo(where: Settings) -> Viewer:
    actor = Actor(system_user(), "demo", device=socket.gethostname())
    return Viewer(where, actor, Access([], dt.date.max))


def _signed_in(where: Settings) -> Viewer | None:
    people = people_of(where)
    for secret in (st.session_state.get(SECRET, ""), st.context.cookies.get(COOKIE, "")):
        actor = resolved(people, str(secret)) if secret else None
        if actor is not None:
            st.session_state[SECRET] = secret
            return Viewer(where, actor, access_of(where, people), str(secret))
    st.session_state.pop(SECRET, None)
    return None


def viewer() -> Viewer:
    """Who looks, as this run found. AccessError where nobody is signed in."""
    found = st.session_state.get(_LOOKED) or look()
    if found is None:
        raise AccessError("nobody is signed in; sign in, then open the page again")
    return found


def exported_by(who: Viewer, name: str, told: Mapping[str, str]) -> None:
    """Let the trail tell that rows of a page leave as a file. AccessError where the session ended, or they may not
    any more; a demo keeps no trail."""
    if who.is_demo:
        return
    now = who.still_there()
    if why := now.may(EXPORT).why:
        denied(now.people, now.actor, why, f"export {name}")
        raise AccessError(why)
    log(now.people, now.actor, Record(EXPORT, ("rows of a page", name[:200]), after=told))


def log_denial(why: str, page: str = "") -> None:
    """Let the trail tell of a read that was refused: once a session, page and reason, for a page runs often."""
    who = viewer()
    known: set[tuple[str, str]] = st.session_state.setdefault(_TOLD, set())
    if who.is_demo or (page, why) in known:
        return
    known.add((page, why))
    denied(who.people, who.actor, why, f"page {page}" if page else "page")
