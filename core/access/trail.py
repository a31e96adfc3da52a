"""The audit trail: what an entry says, and the chain that shows any change of it.

Each entry's hash is SHA-256 over the hash before it and the entry's own text, so that an entry that was edited,
taken out, put in or moved breaks the chain where it stands. What was cut off at the end is found by the anchors:
each version of the ledger names the last entry and its hash as they were when it was committed. Field names are
those of OCSF, the Open Cybersecurity Schema Framework 1.1, with underscores for dots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loanbook.core.errors import LoanbookError

GENESIS = "0" * 64
"""Hash before the first entry."""
FIELDS = (
    "seq", "time", "class_uid", "activity_id", "activity_name", "actor_user_name", "actor_user_groups",
    "actor_session_uid", "src_endpoint_ip", "device_name", "metadata_correlation_uid", "entity_type",
    "entity_uid", "loan_key", "status_id", "status_detail", "before", "after",
)  # fmt: skip
"""What an entry says, in the order in which it is hashed."""
SUCCESS, FAILURE = 1, 2
_BETWEEN, _NULL = "\x1f", "\x1e"

CLASSES = {
    2004: "Detection Finding", 3001: "Account Change", 3002: "Authentication", 3004: "Entity Management",
    3005: "User Access Management", 6003: "API Activity", 6005: "Datastore Activity",
}  # fmt: skip
"""Classes of OCSF that entries are of."""
ACTIVITIES: dict[str, tuple[int, int]] = {
    "sign_in": (3002, 1), "sign_out": (3002, 2), "sign_in.denied": (3002, 1),
    "user.add": (3001, 1), "user.unlock": (3001, 2), "user.password_change": (3001, 3),
    "user.password_reset": (3001, 4), "user.lock": (3001, 9), "user.second_factor": (3001, 10),
    "user.token": (3001, 99), "user.attribute": (3001, 99),
    "user.role_given": (3005, 1), "user.role_taken": (3005, 2),
    "order.propose": (3004, 1), "order.approve": (3004, 3), "order.reject": (3004, 3),
    "order.withdraw": (3004, 4), "order.expire": (3004, 4), "order.release": (3004, 3),
    "order.refused": (3004, 1), "policy.change": (3004, 3),
    "case.decide": (3004, 3), "screening.decide": (3004, 3), "person.merge": (3004, 3),
    "person.write": (6005, 5), "person.read": (6005, 1), "person.unmask": (6005, 1),
    "person.compare": (6005, 1),
    "person.erase": (6005, 7), "vault.rotate": (6005, 2),
    "ledger.query": (6005, 4), "ledger.read": (6005, 1), "ledger.export": (6005, 1),
    "access.denied": (6003, 99), "command.run": (6003, 99), "call": (6003, 99),
    "audit.read": (6005, 1), "audit.verify": (6005, 1),
    "misuse.found": (2004, 1), "alert.found": (2004, 1),
}  # fmt: skip
"""What is logged, and its class and activity in OCSF; 99 is `Other`."""


class AuditError(LoanbookError):
    """The audit trail can't be written, or is not as it was."""


@dataclass(frozen=True)
class Broken:
    """The first entry of a trail that is not as it was written."""

    seq: int
    why: str


@dataclass(frozen=True)
class Anchor:
    """What a version of the ledger says of the trail: how many entries it had, and the last one's hash."""

    version: int
    entries: int
    hash: str


def text_of(entry: Mapping[str, Any]) -> str:
    """The text of an entry that is hashed: its `FIELDS`, set apart by a character that none may hold."""
    return _BETWEEN.join(_NULL if entry[name] is None else str(entry[name]) for name in FIELDS)


def cleaned(value: str | None) -> str | None:
    """A field's text without control characters: no content can pass for the end of a field."""
    if value is None:
        return None
    return "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in value)


def link(before: str, text: str) -> str:
    """Hash of an entry that follows one with the hash `before`."""
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()


def broken(
    entries: Iterable[tuple[int, str, str]], anchors: Iterable[Anchor] = ()
) -> tuple[int, str, Broken | None]:
    """How many entries there are, the last one's hash, and the first that is not as it was written.

    `entries`: number, text and hash, in the order of their numbers.
    """
    waiting = _next(iter(sorted(anchors, key=lambda a: (a.entries, a.version))))
    sha, hash_ = hashlib.sha256, GENESIS
    count, anchor = 0, next(waiting, None)
    for seq, text, told in entries:
        if seq != count + 1:
            why = f"entry {count + 1} is missing" if seq > count + 1 else "it stands twice"
            return count, hash_, Broken(count + 1 if seq > count + 1 else seq, why)
        hash_ = sha(f"{hash_}{text}".encode()).hexdigest()
        if hash_ != told:
            return (
                count,
                hash_,
                Broken(
                    seq, "its text does not give its hash: it was edited, or the one before it was"
                ),
            )
        count = seq
        while anchor is not None and anchor.entries == count:
            if anchor.hash != hash_:
                why = f"version {anchor.version} of the ledger names another hash for it: the trail was written anew"
                return count, hash_, Broken(seq, why)
            anchor = next(waiting, None)
    if anchor is not None and anchor.entries > count:
        why = (
            f"the trail ends before it, but version {anchor.version} of the ledger was committed when it had "
            f"{anchor.entries} entries: it was cut"
        )
        return count, hash_, Broken(count + 1, why)
    return count, hash_, None


def _next(anchors: Iterator[Anchor]) -> Iterator[Anchor]:
    return (each for each in anchors if each.entries > 0)
