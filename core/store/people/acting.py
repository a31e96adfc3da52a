"""Who acts on this machine now, and whether they may: asked by every command, notebook, page and run.

In a demo whoever sits before it may do all, and no database is asked. In production it is a session or a token
(`LOANBOOK_TOKEN`, or what `loanbook users sign-in` left in a file), else the operating system's user, as the
kernel names it and not as the environment does.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.store.instance import read_instance
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.settings import Settings

if TYPE_CHECKING:
    from loanbook.core.access.deciding import Reading
    from loanbook.core.store.guarded.scope import Shown
    from loanbook.core.store.people.database import People

TOKEN_VARIABLE = "LOANBOOK_TOKEN"  # noqa: S105


def is_demo(where: Settings) -> bool:
    """Whether the instance is a demo, which knows no accounts."""
    return read_instance(where.home).profile == "demo"


def has_people(where: Settings) -> bool:
    """Whether a people's database is there; one in PostgreSQL is taken to be."""
    path = where.people_file
    return path is None or path.exists()


def system_user() -> str:
    """The operating system's user of this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def session_file(where: Settings) -> Path:
    """Where a sign-in on the command line leaves its session, for this user of the machine alone."""
    digest = hashlib.sha256(str(where.home.resolve()).encode()).hexdigest()[:16]
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".loanbook" / f"session-{digest}"


def acting(where: Settings, people: People | None = None) -> Actor:
    """Who acts on an instance now. AccessError where nobody is known to."""
    if is_demo(where):
        return Actor(system_user(), "demo", device=socket.gethostname())
    from loanbook.core.store.people.database import open_people
    from loanbook.core.store.people.sessions import of_the_system, resolved

    people = people or open_people(where)
    if secret := _secret(where):
        actor = resolved(people, secret)
        if actor is None:
            raise AccessError(
                "the session or token expired, or was revoked; sign in again with `loanbook users sign-in`, or "
                f"take {TOKEN_VARIABLE} out of the environment"
            )
        return replace(actor, device=actor.device or socket.gethostname())
    actor = of_the_system(people, system_user())
    if actor is None:
        raise AccessError(_nobody(people))
    return replace(actor, device=socket.gethostname())


def _nobody(people: People) -> str:
    """Why the operating system's user may do nothing, and who makes them a user."""
    from loanbook.core.store.people.users import count

    add = f"loanbook users add NAME --os-user {system_user()}"
    if not count(people):
        return (
            f"this instance has no users yet: add the first one with `{add} --role administrator`"
        )
    return (
        f"the system's user {system_user()} is no user of this instance: sign in with `loanbook users sign-in`, "
        f"or an administrator adds one with `{add}`"
    )


def _secret(where: Settings) -> str:
    """The session or token that this process has; empty: none."""
    if told := os.environ.get(TOKEN_VARIABLE, "").strip():
        return told
    try:
        return session_file(where).read_text().strip()
    except OSError:
        return ""


def must_be_allowed(where: Settings, action: str, of: str = "*", *, told: str = "") -> Actor:
    """Who acts, if they may do an action; AccessError if not, and the attempt stands in the trail.

    `told`: what was tried, for the trail.
    """
    if is_demo(where):
        return acting(where)
    from loanbook.core.store.people.database import open_people

    people = open_people(where)
    try:
        actor = acting(where, people)
    except AccessError as error:
        denied(
            people, Actor(system_user(), device=socket.gethostname()), f"{action}: {error}", told
        )
        raise
    verdict = access_of(where, people).may(actor, action, of)
    if not verdict.allowed:
        denied(people, actor, verdict.why, told)
        raise AccessError(verdict.why)
    return actor


def denied(people: People, actor: Actor, why: str, told: str = "") -> None:
    """Let the trail tell of what was refused."""
    from loanbook.core.store.people.audit import Record, log

    entity = ("command", told) if told else None
    log(people, actor, Record("access.denied", entity, success=False, detail=why))


def log_denied(where: Settings, why: str) -> None:
    """Let the trail tell of a read that was refused; a demo keeps none."""
    if is_demo(where):
        return
    from loanbook.core.store.people.database import open_people

    people = open_people(where)
    denied(people, acting(where, people), why)


def shown_to(where: Settings) -> Shown:
    """What of the ledger is shown to who acts now; AccessError, logged, where it is nothing."""
    return shown_by(where, reading_of(where))


def shown_by(where: Settings, reading: Reading) -> Shown:
    """What somebody reads, with the secret that its tokens take, if it has any."""
    from loanbook.core.store.guarded.scope import Shown
    from loanbook.core.store.people.keys import token_salt

    return Shown(reading, token_salt(where) if "token" in reading.masks.values() else "")


def reading_of(where: Settings) -> Reading:
    """What of the ledger who acts now may read; AccessError, logged, where it is nothing."""
    from loanbook.core.access.deciding import READ, WHOLE

    if is_demo(where):
        return WHOLE
    from loanbook.core.store.people.database import open_people

    people = open_people(where)
    actor = acting(where, people)
    access = access_of(where, people)
    found = access.reading(actor)
    if found is None:
        why = access.may(actor, READ).why
        denied(people, actor, why)
        raise AccessError(why)
    return found
