"""Which policies were put in force by whom: a file that changed since waits for somebody who may accept it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.people.audit import Record, entries, log
from loanbook.core.store.people.database import People

CHANGE = "policy.change"


def digests(book: PolicyBook) -> dict[str, str]:
    """Hash of every policy's content by `FOLDER/NAME@VERSION`."""
    return {
        f"{folder}/{policy.name}@{policy.version}": hashlib.sha256(
            policy.model_dump_json().encode()
        ).hexdigest()[:32]
        for folder, policy in book.policies
    }


def in_force(people: People) -> Mapping[str, str] | None:
    """Hashes of the policies that were last put in force; None: none ever were."""
    last = entries(people, activity=CHANGE, last=1)
    if last.is_empty():
        return None
    told: dict[str, str] = json.loads(last["after"][0])
    return told


def differences(people: People, book: PolicyBook) -> list[dict[str, str]]:
    """Policies that differ from those in force: `policy`, `change` (new, changed, gone)."""
    before, now = in_force(people) or {}, digests(book)
    words = {
        name: "new" if name not in before else "gone" if name not in now else "changed"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    }
    return [{"policy": name, "change": change} for name, change in words.items()]


def accepted(people: People, actor: Actor, book: PolicyBook, reason: str) -> None:
    """Put the policies in force, as the trail tells with what was before."""
    before = in_force(people)
    log(
        people,
        actor,
        Record(
            CHANGE, ("policies", book.digest), detail=reason, before=before, after=digests(book)
        ),
    )


def must_be_in_force(people: People, actor: Actor, book: PolicyBook) -> None:
    """AccessError where a policy's file differs from what was put in force. The first ones count as they are."""
    if in_force(people) is None:
        accepted(people, actor, book, "the first policies of the instance")
        return
    if found := differences(people, book):
        names = ", ".join(f"{each['policy']} ({each['change']})" for each in found[:3])
        raise AccessError(
            f"{len(found)} policies are not as they were put in force: {names}; who may change policies looks at "
            "them with `loanbook policies`, and puts them in force with `--accept --reason TEXT`"
        )
