"""The vault's own keys, by purpose and version: one wraps the keys of persons, one makes tokens.

While one takes the place of another both are read, and what is written takes the newer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from loanbook.core.errors import LedgerError
from loanbook.core.store.people.database import People
from loanbook.core.store.people.models import AuditHead, VaultKey
from loanbook.core.store.vault.roots import Root

WRAPPING, TOKENS = "wrapping", "tokens"
CURRENT, RETIRING, DESTROYED = "current", "retiring", "destroyed"


@dataclass(frozen=True)
class Ring:
    """Keys that are read, by purpose and version."""

    keys: dict[str, dict[int, bytes]]
    current: dict[str, int]

    def newest(self, purpose: str) -> tuple[int, bytes]:
        """Version and key that what is written takes."""
        version = self.current[purpose]
        return version, self.keys[purpose][version]

    def of(self, purpose: str, version: int) -> bytes:
        """A key by its version; LedgerError where it is no more."""
        try:
            return self.keys[purpose][version]
        except KeyError:
            raise LedgerError(
                f"version {version} of the vault's {purpose} key is no more: the people's database is older than "
                "its keys; restore both from one backup"
            ) from None


def about(purpose: str, version: int) -> str:
    """What a key of the vault is bound to."""
    return f"vault {purpose} {version}"


def ring(session: Session, root: Root) -> Ring | None:
    """The keys that are read; None: the vault is empty."""
    rows = session.execute(select(VaultKey).where(VaultKey.wrapped.is_not(None))).scalars().all()
    if not rows:
        return None
    keys: dict[str, dict[int, bytes]] = {}
    for row in rows:
        key = root.unwrap(row.wrapped or b"", about(row.purpose, row.version))
        keys.setdefault(row.purpose, {})[row.version] = key
    return Ring(keys, {row.purpose: row.version for row in rows if row.state == CURRENT})


def ring_to_write(people: People, session: Session, root: Root) -> Ring:
    """As `ring`, within a transaction that writes and holds the vault; its first keys are made here."""
    hold(session)
    found = ring(session, root)
    if found is not None:
        return found
    for purpose in (WRAPPING, TOKENS):
        add_key(people, session, root, purpose, 1)
    made = ring(session, root)
    assert made is not None, "keys were just made"
    return made


def hold(session: Session) -> None:
    """Let nobody else write to the vault, nor to the trail, until the transaction ends."""
    session.execute(select(AuditHead.seq).where(AuditHead.id == 1).with_for_update()).one()


def add_key(people: People, session: Session, root: Root, purpose: str, version: int) -> None:
    """Make a key of the vault, the one that is written with from now on."""
    wrapped = root.wrap(secrets.token_bytes(32), about(purpose, version))
    session.add(VaultKey(purpose=purpose, version=version, wrapped=wrapped, state=CURRENT,
                         made_at=people.clock()))  # fmt: skip
    session.flush()
