"""Other keys in place of those of the vault, while others read and write; killed anywhere, it is repeated.

Keys: the master key, and under it the key that wraps persons' keys, which are wrapped anew. Tokens: the key that they
are made with, and all of them. The key before is read until nothing needs it, then it is destroyed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import Actor
from loanbook.core.errors import LedgerError
from loanbook.core.store.people.audit import Record, append
from loanbook.core.store.people.keys import (
    begin_next_master,
    master_keys,
    opened,
    put_next_master_in_place,
    sealed,
)
from loanbook.core.store.people.models import User, VaultKey
from loanbook.core.store.people.users import about_second_factor
from loanbook.core.store.vault import rows, sealing
from loanbook.core.store.vault.forgetting import leave_no_bytes
from loanbook.core.store.vault.keyring import (
    CURRENT,
    DESTROYED,
    RETIRING,
    TOKENS,
    WRAPPING,
    about,
    add_key,
    hold,
    ring_to_write,
)
from loanbook.core.store.vault.roots import MasterKey
from loanbook.core.store.vault.vault import Vault, opened_records, write_tokens

AT_ONCE = 20_000
"""Persons whose keys or tokens are made anew in one transaction: others write in between."""


@dataclass(frozen=True)
class Rotated:
    """What a rotation did."""

    version: int
    """Of the key that is written with now."""
    persons: int
    """Whose key, or tokens, this run made anew."""
    master: str
    """`new`, `kept` (a service keeps its own), or `environment`: who sets it there takes the old one out."""


def rotate_keys(vault: Vault, actor: Actor) -> Rotated:
    """Put another master key and another wrapping key in place. Takes `vault.rotate`."""
    vault.must(actor, "vault.rotate")
    master = _begin_master(vault)
    version, persons = _replaced(vault, actor, WRAPPING, _wrap_anew)
    if master == "new":
        put_next_master_in_place(vault.people.settings)
    leave_no_bytes(vault.people, "vault_keys", "person_keys", "users")
    return Rotated(version, persons, master)


def rotate_tokens(vault: Vault, actor: Actor) -> Rotated:
    """Put another token key in place. Takes `vault.rotate`."""
    vault.must(actor, "vault.rotate")
    version, persons = _replaced(vault, actor, TOKENS, _tell_anew)
    leave_no_bytes(vault.people, "vault_keys", "person_tokens")
    return Rotated(version, persons, "kept")


def _begin_master(vault: Vault) -> str:
    """Let all that stands under the master key stand under the next one alone; how the master key changes."""
    people, settings = vault.people, vault.people.settings
    if not isinstance(vault.root, MasterKey):
        _under_the_root(vault)
        return "kept"
    master = begin_next_master(settings)
    if master == "kept":
        return master
    _under_the_root(vault)
    with people.writing() as session:
        hold(session)
        keys = master_keys(settings)
        for user in session.execute(select(User).where(User.otp_secret.is_not(None))).scalars():
            secret = opened(user.otp_secret or b"", keys, about_second_factor(user))
            user.otp_secret = sealed(secret, keys[0], about_second_factor(user))
    return master


def _under_the_root(vault: Vault) -> None:
    """Wrap every key of the vault by the root's newest."""
    with vault.people.writing() as session:
        ring_to_write(vault.people, session, vault.root)
        for row in session.execute(select(VaultKey).where(VaultKey.wrapped.is_not(None))).scalars():
            place = about(row.purpose, row.version)
            row.wrapped = vault.root.wrap(vault.root.unwrap(row.wrapped or b"", place), place)


def _replaced(
    vault: Vault, actor: Actor, purpose: str, anew: Callable[[Vault, Session, str], list[str]]
) -> tuple[int, int]:
    """Let another version of a key take the place of the one that is current, or go on with what was begun; the
    version that is written with now, and how many persons were touched."""
    people = vault.people
    with people.writing() as session:
        keys = ring_to_write(people, session, vault.root)
        version = keys.current[purpose]
        if len(keys.keys[purpose]) == 1:
            session.get_one(VaultKey, (purpose, version)).state = RETIRING
            session.flush()
            version += 1
            add_key(people, session, vault.root, purpose, version)
    count, after = 0, ""
    while True:
        with people.writing() as session:
            done = anew(vault, session, after)
            if not done:
                _destroy(vault, session, actor, purpose)
                return version, count
        count, after = count + len(done), done[-1]


def _destroy(vault: Vault, session: Session, actor: Actor, purpose: str) -> None:
    """Destroy the key that nothing needs any more."""
    retiring = select(VaultKey).where(VaultKey.purpose == purpose, VaultKey.state == RETIRING)
    for row in session.execute(retiring).scalars():
        row.wrapped, row.state = None, DESTROYED
    current = select(VaultKey.version).where(VaultKey.purpose == purpose, VaultKey.state == CURRENT)
    version = session.execute(current).scalar_one()
    append(vault.people, session, actor,
           Record("vault.rotate", ("vault_key", f"{purpose} {version}")))  # fmt: skip


def _wrap_anew(vault: Vault, session: Session, after: str) -> list[str]:
    """Wrap some persons' keys by the newest key; who they are, none: all are done."""
    keys = ring_to_write(vault.people, session, vault.root)
    version, by = keys.newest(WRAPPING)
    sql = "SELECT person, version, wrapped FROM person_keys WHERE version <> ? AND person > ? ORDER BY person LIMIT ?"
    found = rows.selected(session, sql, (version, after, AT_ONCE), rows.WRAPPED)
    persons = found["person"].to_list()
    old = [keys.of(WRAPPING, each) for each in found["version"]]
    plain = sealing.unwrapped(found["wrapped"].to_list(), old, persons)
    rows.change(
        session, "UPDATE person_keys SET version = ?, wrapped = ? WHERE person = ?",
        [(version, key, person) for key, person in zip(sealing.wrapped(plain, by, persons), persons, strict=True)],
    )  # fmt: skip
    return persons


def _tell_anew(vault: Vault, session: Session, after: str) -> list[str]:
    """Make some persons' tokens anew; who they are, none: all are done."""
    keys = ring_to_write(vault.people, session, vault.root)
    version, _ = keys.newest(TOKENS)
    sql = "SELECT DISTINCT person FROM person_tokens WHERE version <> ? AND person > ? ORDER BY person LIMIT ?"
    found = rows.selected(session, sql, (version, after, AT_ONCE), pl.Schema({"person": pl.String}))
    persons = found["person"].to_list()
    told = opened_records(rows.sealed_of(session, persons), keys)
    if told.height != len(persons):
        raise LedgerError("tokens stand without their person: restore the people's database")
    rows.change(session, "DELETE FROM person_tokens WHERE person = ?", [(p,) for p in persons])
    write_tokens(session, told, keys)
    return persons
