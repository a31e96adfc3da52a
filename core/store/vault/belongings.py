"""What lies outside the vault under a person's key: bytes that nobody opens any more once the person is forgotten.

The bytes name their person, whose token means nothing. Who destroys the key has destroyed them in every version,
copy and backup of the ledger. They are sealed for the product's own use and shown by no read of the vault.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.store.people.database import open_people
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault import rows, sealing
from loanbook.core.store.vault.keyring import ring
from loanbook.core.store.vault.roots import root_of
from loanbook.core.store.vault.vault import person_keys

MARK = b"\x00person\x00"
"""How such bytes begin; those of another sealing begin so once in 2^64."""
_TOKEN = 34
APPLICANT = "applicant/"
"""How the ref of a person of the vault begins whom applications name; behind it the sender's token."""
_PERSON = pl.Schema({"ref": pl.String, "person": pl.String})


def persons_by_ref(where: Settings, refs: Sequence[str]) -> dict[str, str]:
    """Persons who are in the vault and not forgotten, by their refs; nobody where there is no vault."""
    if where.people_file is not None and not where.people_file.exists():
        return {}
    people = open_people(where)
    try:
        with people.reading() as session:
            found = rows.among(
                session, "SELECT ref, person FROM persons WHERE erased_at IS NULL AND ref {among}", sorted({*refs}), _PERSON
            )  # fmt: skip
    finally:
        people.close()
    return dict(found.rows())


def sealed_for(
    where: Settings, persons: Sequence[str | None], data: Sequence[bytes], about: Sequence[str]
) -> list[bytes]:
    """Each under the key of its person, bound to what it is `about`; of nobody, and of who is not in the vault, as it
    is."""
    keys = _keys(where, [person for person in persons if person])
    theirs = [n for n, person in enumerate(persons) if person in keys]
    found = sealing.sealed(
        [data[n] for n in theirs], [keys[str(persons[n])] for n in theirs], [about[n] for n in theirs]
    )  # fmt: skip
    done = [*data]
    for n, cipher in zip(theirs, found, strict=True):
        done[n] = MARK + str(persons[n]).encode() + cipher
    return done


def is_personal(data: bytes) -> bool:
    """Whether bytes are under a person's key."""
    return data.startswith(MARK)


def opened_of(where: Settings, data: Sequence[bytes], about: Sequence[str]) -> list[bytes | None]:
    """What was sealed, each as it was; None of a person who is forgotten."""
    start = len(MARK)
    persons = [each[start : start + _TOKEN].decode() for each in data]
    keys = _keys(where, persons)
    there = [n for n, person in enumerate(persons) if person in keys]
    plain = sealing.opened(
        [data[n][start + _TOKEN :] for n in there], [keys[persons[n]] for n in there], [about[n] for n in there]
    )  # fmt: skip
    found: list[bytes | None] = [None] * len(data)
    for n, each in zip(there, plain, strict=True):
        found[n] = each
    return found


def _keys(where: Settings, persons: Sequence[str]) -> dict[str, bytes]:
    """Keys of persons who are in the vault and not forgotten."""
    distinct = sorted(set(persons))
    if not distinct:
        return {}
    people = open_people(where)
    try:
        with people.reading() as session:
            known = ring(session, root_of(people))
            if known is None:
                return {}
            told = [
                rows.among(session, "SELECT person, version, wrapped FROM person_keys WHERE person {among}",
                           distinct[at : at + rows.AT_ONCE], rows.WRAPPED)
                for at in range(0, len(distinct), rows.AT_ONCE)
            ]  # fmt: skip
    finally:
        people.close()
    stored = pl.concat(told)
    return dict(zip(stored["person"], person_keys(stored, known), strict=True))
