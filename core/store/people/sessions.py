"""Sign-ins and tokens: a row each, that expires, is revoked, and is looked at on every use.

What fails says the same whatever was wrong, and takes as long. A try counts before its password is checked, so that
many at once don't get more of them; few passwords are checked at a time, for each takes 64 MiB.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.store.people.audit import Record, append, log
from loanbook.core.store.people.database import People
from loanbook.core.store.people.keys import master_keys, opened, sealed
from loanbook.core.store.people.models import SignIn, User
from loanbook.core.store.people.users import about_second_factor, as_actor, found, revoke

FREE_TRIES = 5
"""Failures after which the next try must wait."""
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=24)
AT_ONCE = 2
"""Passwords that are checked at a time, by all processes of the machine."""
PATIENCE = 10.0
"""Seconds that a sign-in waits for its turn."""
STEP = 30
"""Seconds for which a code of the second factor holds; one before and one after are accepted too."""
FRESH = dt.timedelta(minutes=10)
"""So young a session is that a second factor may be set up in it without the password again."""
REFUSED = (
    "sign-in refused: name, password or code is wrong, or too many tries failed and the next one must wait; an "
    "administrator can reset it (`loanbook users reset`)"
)


@dataclass(frozen=True)
class Credentials:
    """What somebody signs in with, and from where."""

    name: str
    password: str
    code: str = ""
    address: str = ""
    device: str = ""


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """A hash that no password gives: what is checked where there is no user."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(secrets.token_hex(16))


def sign_in(people: People, told: Credentials) -> tuple[str, Actor]:
    """A new session: the secret that the client holds, and who it is. AccessError where it is refused."""
    who = Actor(told.name[:64], address=told.address, device=told.device)
    with people.writing() as session:
        user = session.execute(
            select(User).where(User.plain == plain_name(told.name), User.kind == "person")
        ).scalar()
        open_ = user is not None and _counted(people, user)
        hashed = user.password_hash if user and open_ else None
    good = _checked(people, hashed or _nobodys_hash(), told.password) and hashed is not None
    if good:
        with people.writing() as session:
            user = found(session, told.name)
            good, factor = _code_is_right(people, session, user, told.code)
            if good and not user.locked:
                user.failures, user.closed_until = 0, None
                secret, signed = begun(people, session, user, "session", told)
                signed.second_factor = factor
                actor = as_actor(session, user, signed)
                after = {"second_factor": factor}
                append(people, session, actor, Record("sign_in", ("user", user.name), after=after))
                return secret, actor
    log(people, who, Record("sign_in.denied", ("user", told.name[:64]), success=False))
    raise AccessError(REFUSED)


def _counted(people: People, user: User) -> bool:
    """Whether a try may go on; it counts as failed until it is not."""
    at = people.clock()
    if user.locked or (user.closed_until is not None and user.closed_until > at):
        return False
    user.failures += 1
    if user.failures >= FREE_TRIES:
        user.closed_until = at + wait_after(user.failures)
    return True


def wait_after(failures: int) -> dt.timedelta:
    """How long the next try must wait after so many that failed: twice as long each time."""
    if failures < FREE_TRIES:
        return dt.timedelta(0)
    return min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures - FREE_TRIES, 20))


def _checked(people: People, hashed: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import VerificationError

    with _check_slot(people):
        try:
            return PasswordHasher().verify(hashed, password)
        except VerificationError:
            return False


@contextlib.contextmanager
def _check_slot(people: People) -> Iterator[None]:
    """One of few turns, shared by all processes; AccessError where none comes free in time."""
    folder = people.settings.people_folder
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    until = time.monotonic() + PATIENCE
    while True:
        for number in range(AT_ONCE):
            with (folder / f".password-check-{number}").open("w") as turn:
                try:
                    fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        if time.monotonic() > until:
            raise AccessError("too many sign-ins at once; try again in a minute")
        time.sleep(0.05)


def _code_is_right(people: People, session: Session, user: User, code: str) -> tuple[bool, bool]:
    """Whether the second factor does not stand in the way, and whether it was given."""
    if not user.otp_confirmed:
        return True, False
    counter = _counter_of(people, user, code)
    if counter is None:
        return False, False
    user.otp_counter = counter
    return True, True


def _counter_of(people: People, user: User, code: str) -> int | None:
    """The counter whose code this is, if it was not used; None: it is none that is accepted."""
    import pyotp

    if user.otp_secret is None:
        return None
    key = opened(user.otp_secret, master_keys(people.settings), about_second_factor(user))
    current = int(people.clock().timestamp()) // STEP
    right = None
    for counter in range(current - 1, current + 2):  # all of them, whichever fits
        same = hmac.compare_digest(pyotp.HOTP(key.decode()).at(counter), code.strip())
        if same and counter > user.otp_counter:
            right = counter
    return right


def begin_second_factor(people: People, name: str) -> str:
    """A new secret for a user's second factor, as an address for an authenticator; it counts once it is
    confirmed. AccessError where one is confirmed already: it is reset first."""
    import pyotp

    with people.writing() as session:
        user = found(session, name)
        if user.otp_confirmed:
            raise AccessError(
                f"{user.name} has a second factor; `loanbook users reset {user.name} --second-factor` "
                "takes it away first"
            )
        secret = pyotp.random_base32()
        key = master_keys(people.settings)[0]
        user.otp_secret = sealed(secret.encode(), key, about_second_factor(user))
        user.otp_counter = 0
        return pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name="loanbook")


def confirm_second_factor(people: People, by: Actor, name: str, code: str) -> None:
    """Let a user's second factor count from now on, by a first code of it: of the session of who gave it, too."""
    with people.writing() as session:
        user = found(session, name)
        counter = _counter_of(people, user, code)
        if counter is None:
            raise AccessError("that is no code of it, or its clock is off; try the next one")
        user.otp_confirmed, user.otp_counter = True, counter
        signed = session.get(SignIn, by.session) if by.session else None
        if signed is not None and signed.user_id == user.id:
            signed.second_factor = True
        told = Record("user.second_factor", ("user", user.name), after={"second_factor": True})
        append(people, session, by, told)


def make_token(people: People, by: Actor, name: str, days: int) -> str:
    """A token of a service, shown once. AccessError for a person: people sign in."""
    with people.writing() as session:
        user = found(session, name)
        if user.kind != "service":
            raise AccessError(f"{user.name} is a person: people sign in, services have tokens")
        secret, signed = begun(people, session, user, "token", Credentials(user.name, ""))
        signed.expires_at = people.clock() + dt.timedelta(days=days)
        after = {"token": signed.id, "expires_at": signed.expires_at.isoformat()}
        append(people, session, by, Record("user.token", ("user", user.name), after=after))
        return secret


def begun(
    people: People, session: Session, user: User, kind: str, told: Credentials, id_: str = ""
) -> tuple[str, SignIn]:
    """A new session or token: the secret that the client holds, and its row. `id_`: given where one may begin once."""
    secret, at = secrets.token_urlsafe(32), people.clock()
    signed = SignIn(
        id=id_ or secrets.token_hex(8), user_id=user.id, kind=kind, secret_hash=_hash(secret),
        second_factor=False, created_at=at,
        expires_at=at + dt.timedelta(hours=people.rules.session_hours),
        address=told.address[:64], device=told.device[:200],
    )  # fmt: skip
    session.add(signed)
    session.flush()
    return secret, signed


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def resolved(people: People, secret: str) -> Actor | None:
    """Who holds a session or a token; None: it expired, was revoked, or never was."""
    with people.reading() as session:
        signed = session.execute(select(SignIn).where(SignIn.secret_hash == _hash(secret))).scalar()
        if signed is None or signed.revoked_at is not None or signed.expires_at <= people.clock():
            return None
        user = session.get(User, signed.user_id)
        return None if user is None or user.locked else as_actor(session, user, signed)


def of_the_system(people: People, os_user: str) -> Actor | None:
    """Who the operating system's user is; None: nobody who may act."""
    with people.reading() as session:
        user = session.execute(select(User).where(User.os_user == os_user)).scalar()
        return None if user is None or user.locked else as_actor(session, user)


def may_enrol(people: People, actor: Actor) -> bool:
    """Whether the actor may set up a second factor in their session: they have a password here and no factor, and
    the session is young, so that one that was left open or stolen gives nobody a factor."""
    with people.reading() as session:
        signed = session.get(SignIn, actor.session)
        if signed is None or people.clock() - signed.created_at > FRESH:
            return False
        user = session.get(User, signed.user_id)
        return user is not None and user.password_hash is not None and not user.otp_confirmed


def end(people: People, actor: Actor, *, told: bool = False) -> None:
    """End the one session that an actor has; `told`: the trail says that they signed out."""
    with people.writing() as session:
        signed = session.get(SignIn, actor.session)
        if signed is not None and signed.revoked_at is None:
            signed.revoked_at, signed.revoked_by = people.clock(), actor.name
            if told:
                append(people, session, actor, Record("sign_out", ("session", signed.id)))


def sign_out(people: People, actor: Actor) -> int:
    """End every session of a user, on all devices; how many there were."""
    with people.writing() as session:
        user = found(session, actor.name)
        ended = revoke(people, session, user, actor, "session")
        append(people, session, actor, Record("sign_out", ("user", user.name)))
        return ended
