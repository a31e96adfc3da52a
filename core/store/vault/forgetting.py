"""A person forgotten: the key is destroyed, and gone from the files of the database.

SQLite overwrites what is deleted (`secure_delete`), and its write-ahead log is cut: afterwards the bytes of the wrapped
key stand neither there nor in the next backup. PostgreSQL forgets the key for every query at once; its table is
written anew, which drops dead rows, but its write-ahead log and archives keep bytes until they are recycled. A
rotation of keys afterwards (`rotating`) makes such bytes, and earlier backups, worthless to who lacks the old keys.
"""

from __future__ import annotations

from sqlalchemy import delete, text

from loanbook.core.access.actor import Actor
from loanbook.core.store.people.audit import Record, append
from loanbook.core.store.people.database import BUSY_SECONDS, People
from loanbook.core.store.people.models import Person, PersonKey, PersonRecord, PersonToken
from loanbook.core.store.vault.keyring import hold
from loanbook.core.store.vault.vault import Vault, VaultError

PATIENCE = 10.0
"""Seconds that readers have to let go of the write-ahead log."""


def erase(vault: Vault, person: str, actor: Actor, reason: str) -> bool:
    """Destroy a person's key, records and tokens for good; whether they were there. Figures, proofs and the token
    stay. Takes `personal.erase`. Safe to repeat; VaultError where nobody has the token."""
    vault.must(actor, "personal.erase")
    people = vault.people
    with people.writing() as session:
        hold(session)
        found = session.get(Person, person)
        if found is None:
            raise VaultError(f"{person!r} is nobody's token; find it with `loanbook vault find`")
        fresh = found.erased_at is None
        if fresh:
            for table in (PersonToken, PersonRecord, PersonKey):
                session.execute(delete(table).where(table.person == person))
            found.erased_at = people.clock()
            append(people, session, actor, Record("person.erase", ("person", person), detail=reason))  # fmt: skip
    leave_no_bytes(people, "person_keys", "person_records", "person_tokens")
    return fresh


def leave_no_bytes(people: People, *tables: str) -> None:
    """Let what was deleted from tables be gone from the files too. VaultError where others hold the log open."""
    if people.engine.dialect.name != "sqlite":
        with people.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for table in tables:
                connection.execute(text(f"VACUUM (FULL) {table}"))
        return
    if not _cut(people):
        raise VaultError(
            "it is forgotten, but the write-ahead log of the people's database still holds bytes of it, for other "
            "processes read it: ask for the same again when they ended, and it is cut"
        )


def _cut(people: People) -> bool:
    """Whether SQLite's write-ahead log is empty now."""
    connection = people.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        return row is not None and not row[0]
    finally:
        connection.close()
