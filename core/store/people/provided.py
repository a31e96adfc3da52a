"""Sign-ins by a provider of OpenID Connect: the user it vouches for, and a session of our own.

A user of a provider is known by issuer and subject, never by name: one who has a name of a local user is refused.
Roles that the provider gave follow its claims at each sign-in; those given here stay. A token begins one session,
once, while it is fresh; from then on the session's row counts, not what the browser keeps of the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.access.claims import Claimed, NotFreshError, claimed
from loanbook.core.access.keepers import leaves_one
from loanbook.core.store.people.audit import Record, append, log
from loanbook.core.store.people.database import People
from loanbook.core.store.people.in_force import access_of, providers_of
from loanbook.core.store.people.models import SignIn, User, UserRole
from loanbook.core.store.people.sessions import Credentials, begun
from loanbook.core.store.people.users import as_actor, give, held, know, take


def sign_in_by_claims(
    people: People, claims: Mapping[str, Any], address: str = "", device: str = ""
) -> tuple[str, Actor]:
    """A new session: the secret that the client holds, and who it is. AccessError, logged, where it is refused.

    `claims`: of an ID token whose signature, issuer and audience were checked where it was received.
    """
    try:
        who = claimed(claims, providers_of(people), people.clock())
        with people.writing() as session:
            return _begun(people, session, who, Credentials(who.name, "", "", address, device))
    except NotFreshError:  # a browser keeps the answer for days: no attempt of anybody
        raise
    except AccessError as error:
        asked = Actor("unknown", address=address, device=device)
        log(people, asked, Record("sign_in.denied", ("user", ""), success=False, detail=str(error)))
        raise


def _begun(people: People, session: Session, who: Claimed, told: Credentials) -> tuple[str, Actor]:
    if session.get(SignIn, who.token) is not None:
        raise NotFreshError("this answer of the provider was used already; sign in again")
    by = Actor(f"provider:{who.provider}", "service", address=told.address)
    user = _known(people, session, who, by)
    if user.locked:
        raise AccessError(f"{user.name} is locked out")
    _follow(people, session, who, user, by)
    secret, signed = begun(people, session, user, "session", told, who.token)
    signed.second_factor = who.second_factor
    actor = as_actor(session, user, signed)
    after = {"second_factor": who.second_factor, "provider": who.provider}
    append(people, session, actor, Record("sign_in", ("user", user.name), after=after))
    return secret, actor


def _known(people: People, session: Session, who: Claimed, by: Actor) -> User:
    """The user whom the provider means; a new one where it never vouched for them before."""
    user = session.execute(select(User).where(User.subject == who.subject)).scalar()
    if user is not None:
        return user
    name, plain = who.name.strip(), plain_name(who.name)
    if not plain or len(name) > 64 or not name.isprintable():
        raise AccessError("the provider gives a name that is none: 1 to 64 characters that print")
    if session.execute(select(User).where(User.plain == plain)).scalar() is not None:
        raise AccessError(f"another user has the name {name!r}; the provider gives theirs another")
    user = User(name=name, plain=plain, kind="person", subject=who.subject,
                created_at=people.clock(), created_by=by.name)  # fmt: skip
    session.add(user)
    session.flush()
    after = {"kind": "person", "provider": who.provider}
    append(people, session, by, Record("user.add", ("user", name), after=after))
    return user


def _follow(people: People, session: Session, who: Claimed, user: User, by: Actor) -> None:
    """Let roles that the provider gave, and attributes that it tells of, be as its claims say now."""
    given = set(session.execute(
        select(UserRole.role).where(UserRole.user_id == user.id, UserRole.given_by == by.name)
    ).scalars())  # fmt: skip
    for role in sorted(who.roles):
        give(people, session, by, user, role)
    before = held(session)
    for role in sorted(given - who.roles):
        take(people, session, by, user, role)
    session.flush()
    verdict = leaves_one(access_of(people.settings, people), before, held(session))
    if not verdict.allowed:
        raise AccessError(verdict.why)
    for told in who.attributes.items():
        know(people, session, by, user, told)
