"""Users: added, given roles and attributes, locked, with a password and a second factor.

Every change stands in the trail, in the same transaction. Nobody gives a role to themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.access.keepers import Held, leaves_one
from loanbook.core.policy.rights.roles import SCOPES
from loanbook.core.store.people.audit import Record, append, log
from loanbook.core.store.people.database import People
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.people.models import SignIn, User, UserAttribute, UserRole

ATTRIBUTES = (*SCOPES, "delegate_of", "own_loan")
"""What may be known of a user: the rows that they see, whom they stand in for, loans that are their own."""
SHORTEST = 12
"""Characters of a password."""


@dataclass(frozen=True)
class NewUser:
    """A user to add."""

    name: str
    kind: Literal["person", "service"] = "person"
    os_user: str | None = None
    password: str | None = None
    roles: tuple[str, ...] = ()
    attributes: Mapping[str, Iterable[str]] = field(default_factory=dict)


def count(people: People) -> int:
    """How many users there are."""
    with people.reading() as session:
        return session.execute(select(func.count()).select_from(User)).scalar_one()


def add_user(people: People, by: Actor, new: NewUser) -> None:
    """Add a user. AccessError where another has the name, however it is written."""
    name, plain = new.name.strip(), plain_name(new.name)
    if not plain or len(name) > 64 or not name.isprintable():
        raise AccessError(f"{new.name!r} is no name: give 1 to 64 characters that can be printed")
    hashed = None if new.password is None else password_hash(new.password, name)
    if unknown := [each for each in new.attributes if each not in ATTRIBUTES]:
        raise AccessError(f"{unknown[0]!r} is no attribute; use {', '.join(ATTRIBUTES)}")
    with people.writing() as session:
        if other := session.execute(select(User).where(User.plain == plain)).scalar():
            raise AccessError(f"{other.name} is a user already; take another name for {name!r}")
        if new.os_user is not None:
            _must_be_free(session, new.os_user)
        user = User(
            name=name, plain=plain, kind=new.kind, os_user=new.os_user, password_hash=hashed,
            created_at=people.clock(), created_by=by.name,
        )  # fmt: skip
        session.add(user)
        session.flush()
        after = {"kind": new.kind, "os_user": new.os_user, "password": hashed is not None}
        append(people, session, by, Record("user.add", ("user", name), after=after))
        for role in new.roles:
            give(people, session, by, user, role)
        for told in new.attributes.items():
            know(people, session, by, user, told)


def _must_be_free(session: Session, os_user: str) -> None:
    if other := session.execute(select(User).where(User.os_user == os_user)).scalar():
        raise AccessError(f"the system's user {os_user} is {other.name} already; name another")


def give_role(people: People, by: Actor, name: str, role: str) -> None:
    """Give a user a role; AccessError if it is oneself."""
    with people.writing() as session:
        user = found(session, name)
        if plain_name(by.name) == user.plain and by.kind != "demo":
            raise AccessError("nobody gives a role to themselves; another administrator does")
        give(people, session, by, user, role)


def give(people: People, session: Session, by: Actor, user: User, role: str) -> None:
    """Give a user a role, within a transaction that writes; one that they have stays."""
    if session.get(UserRole, (user.id, role)) is not None:
        return
    before = _roles(session, user)
    at = people.clock()
    session.add(UserRole(user_id=user.id, role=role, given_at=at, given_by=by.name))
    session.flush()
    told = Record(
        "user.role_given", ("user", user.name), detail=role,
        before={"roles": before}, after={"roles": _roles(session, user)},
    )  # fmt: skip
    append(people, session, by, told)


def take_role(people: People, by: Actor, name: str, role: str) -> None:
    """Take a role from a user. AccessError, logged, where nobody would be left who keeps users."""
    with _keeping_one(people, by, name) as session:
        take(people, session, by, found(session, name), role)


def take(people: People, session: Session, by: Actor, user: User, role: str) -> None:
    """Take a role from a user, within a transaction that writes."""
    before = _roles(session, user)
    session.execute(delete(UserRole).where(UserRole.user_id == user.id, UserRole.role == role))
    told = Record(
        "user.role_taken", ("user", user.name), detail=role,
        before={"roles": before}, after={"roles": _roles(session, user)},
    )  # fmt: skip
    append(people, session, by, told)


def set_attribute(people: People, by: Actor, name: str, attribute: str, values: list[str]) -> None:
    """Let a user's attribute be these values; none: it is not known any more."""
    if attribute not in ATTRIBUTES:
        raise AccessError(f"{attribute!r} is no attribute; use {', '.join(ATTRIBUTES)}")
    with people.writing() as session:
        know(people, session, by, found(session, name), (attribute, values))


def know(
    people: People, session: Session, by: Actor, user: User, told: tuple[str, Iterable[str]]
) -> None:
    """Let an attribute be some values, within a transaction that writes; one that is so already stays unsaid."""
    attribute, values = told[0], set(told[1])
    of_it = (UserAttribute.user_id == user.id, UserAttribute.name == attribute)
    before = sorted(session.execute(select(UserAttribute.value).where(*of_it)).scalars())
    if before == sorted(values):
        return
    session.execute(delete(UserAttribute).where(*of_it))
    session.add_all(UserAttribute(user_id=user.id, name=attribute, value=value) for value in values)
    record = Record(
        "user.attribute", ("user", user.name), detail=attribute,
        before={attribute: before}, after={attribute: sorted(values)},
    )  # fmt: skip
    append(people, session, by, record)


class _NobodyLeftError(AccessError):
    """A change after which nobody keeps users."""


@contextmanager
def _keeping_one(people: People, by: Actor, name: str) -> Iterator[Session]:
    """A change of users after which somebody can still sign in and keep them. AccessError, logged, and nothing
    changed, where nobody could."""
    try:
        with people.writing() as session:
            before = held(session)
            yield session
            session.flush()
            verdict = leaves_one(access_of(people.settings, people), before, held(session))
            if not verdict.allowed:
                raise _NobodyLeftError(verdict.why)
    except _NobodyLeftError as error:
        log(
            people,
            by,
            Record("access.denied", ("user", name[:64]), success=False, detail=str(error)),
        )
        raise


def held(session: Session) -> list[Held]:
    """What of every user decides whether they keep the others."""
    roles: dict[int, set[str]] = {}
    for user_id, role in session.execute(select(UserRole.user_id, UserRole.role)):
        roles.setdefault(user_id, set()).add(role)
    return [
        Held(
            user.name, frozenset(roles.get(user.id, ())),
            user.kind == "person" and not user.locked
            and bool(user.password_hash or user.os_user or user.subject),
        )
        for user in session.execute(select(User)).scalars()
    ]  # fmt: skip


def set_password(people: People, by: Actor, name: str, password: str) -> None:
    """Give a user another password; by another than oneself it is a reset, which ends every session."""
    own = plain_name(by.name) == plain_name(name)
    with people.writing() as session:
        user = found(session, name)
        user.password_hash = password_hash(password, user.name)
        user.failures, user.closed_until = 0, None
        if not own:
            revoke(people, session, user, by)
        activity = "user.password_change" if own else "user.password_reset"
        append(people, session, by, Record(activity, ("user", user.name)))


def reset_second_factor(people: People, by: Actor, name: str) -> None:
    """Forget a user's second factor, as when the device is lost; ends every session."""
    with people.writing() as session:
        user = found(session, name)
        user.otp_secret, user.otp_confirmed = None, False
        revoke(people, session, user, by)
        told = Record("user.second_factor", ("user", user.name), after={"second_factor": False})
        append(people, session, by, told)


def of_attribute(people: People, attribute: str) -> list[tuple[str, str]]:
    """Name and value of every user of whom an attribute is known."""
    wanted = (
        select(User.name, UserAttribute.value)
        .join(UserAttribute, UserAttribute.user_id == User.id)
        .where(UserAttribute.name == attribute).order_by(User.plain, UserAttribute.value)
    )  # fmt: skip
    with people.reading() as session:
        return [(str(name), str(value)) for name, value in session.execute(wanted)]


def lock(people: People, by: Actor, name: str, reason: str, *, locked: bool = True) -> None:
    """Lock a user out and end every session, or let them in again. AccessError, logged, where nobody would be
    left who keeps users."""
    with _keeping_one(people, by, name) as session:
        user = found(session, name)
        before = {"locked": user.locked}
        user.locked, user.failures, user.closed_until = locked, 0, None
        if locked:
            revoke(people, session, user, by)
        activity = "user.lock" if locked else "user.unlock"
        told = Record(
            activity, ("user", user.name), detail=reason, before=before, after={"locked": locked}
        )
        append(people, session, by, told)


def revoke(people: People, session: Session, user: User, by: Actor, kind: str | None = None) -> int:
    """End the sessions of a user (of a `kind`: session or token); how many there were."""
    open_ = select(SignIn).where(SignIn.user_id == user.id, SignIn.revoked_at.is_(None))
    if kind is not None:
        open_ = open_.where(SignIn.kind == kind)
    ended = session.execute(open_).scalars().all()
    for each in ended:
        each.revoked_at, each.revoked_by = people.clock(), by.name
    return len(ended)


def found(session: Session, name: str) -> User:
    """A user by name, however it is written. AccessError if there is none."""
    user = session.execute(select(User).where(User.plain == plain_name(name))).scalar()
    if user is None:
        raise AccessError(f"no user is named {name!r}; see `loanbook users list`")
    return user


def about_second_factor(user: User) -> str:
    """What the sealed secret of a user's second factor is bound to."""
    return f"second factor of {user.plain}"


def known_names(people: People) -> dict[str, Actor]:
    """Every user who is not locked, by plain name."""
    with people.reading() as session:
        users = session.execute(select(User).where(User.locked.is_(False))).scalars().all()
        actors = _actors(session, users, select(User.id).where(User.locked.is_(False)))
        return {user.plain: actors[user.id] for user in users}


def as_actor(session: Session, user: User, signed: SignIn | None = None) -> Actor:
    """A user as who acts."""
    actor = _actors(session, [user], select(User.id).where(User.id == user.id))[user.id]
    if signed is None:
        return actor
    return replace(
        actor, second_factor=signed.second_factor, session=signed.id, address=signed.address, device=signed.device
    )  # fmt: skip


def _actors(session: Session, users: Sequence[User], ids: Select[int]) -> dict[int, Actor]:
    """Users (`ids` selects their numbers) as who acts, by number: as many queries for all as for one."""
    roles: dict[int, set[str]] = {}
    attributes: dict[int, dict[str, set[str]]] = {}
    of_role = select(UserRole.user_id, UserRole.role).where(UserRole.user_id.in_(ids))
    for id_, role in session.execute(of_role):
        roles.setdefault(id_, set()).add(role)
    known = select(UserAttribute.user_id, UserAttribute.name, UserAttribute.value)
    for id_, name, value in session.execute(known.where(UserAttribute.user_id.in_(ids))):
        attributes.setdefault(id_, {}).setdefault(name, set()).add(value)
    return {
        user.id: Actor(
            user.name, "service" if user.kind == "service" else "person", frozenset(roles.get(user.id, ())),
            {name: frozenset(values) for name, values in attributes.get(user.id, {}).items()},
        )
        for user in users
    }  # fmt: skip


def listed(people: People) -> list[dict[str, object]]:
    """Every user, for people: `name`, `kind`, `os_user`, `roles`, attributes, second factor, state, sessions."""
    rows: list[dict[str, object]] = []
    with people.reading() as session:
        at = people.clock()
        users = session.execute(select(User).order_by(User.plain)).scalars().all()
        actors = _actors(session, users, select(User.id))
        sessions = dict(session.execute(
            select(SignIn.user_id, func.count()).where(SignIn.revoked_at.is_(None), SignIn.expires_at > at)
            .group_by(SignIn.user_id)
        ).tuples().all())  # fmt: skip
        for user in users:
            actor = actors[user.id]
            state = (
                "locked" if user.locked else "closed for a while" if _closed(user, at) else "open"
            )
            told = "; ".join(
                f"{name}: {', '.join(sorted(values))}"
                for name, values in sorted(actor.attributes.items())
            )
            rows.append(
                {"name": user.name, "kind": user.kind, "os_user": user.os_user,
                 "roles": ", ".join(sorted(actor.roles)), "attributes": told,
                 "second_factor": "yes" if user.otp_confirmed else "no", "state": state,
                 "open_sessions": sessions.get(user.id, 0)}
            )  # fmt: skip
    return rows


def _closed(user: User, at: dt.datetime) -> bool:
    return user.closed_until is not None and user.closed_until > at


def _roles(session: Session, user: User) -> list[str]:
    rows = session.execute(select(UserRole.role).where(UserRole.user_id == user.id))
    return sorted(rows.scalars())


def password_hash(password: str, name: str) -> str:
    """Argon2id of a password. AccessError where it is short or tells the name."""
    from argon2 import PasswordHasher

    if len(password) < SHORTEST:
        raise AccessError(
            f"a password has at least {SHORTEST} characters; take a sentence that nobody knows"
        )
    if plain_name(name) in plain_name(password):
        raise AccessError("a password does not hold the user's name; take another")
    return PasswordHasher().hash(password)
