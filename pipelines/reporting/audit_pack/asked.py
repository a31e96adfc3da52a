"""What is asked of a pack, and since which export restatements are told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from loanbook.core.errors import LoanbookError
from loanbook.core.policy.rights.roles import SCOPES
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.people.audit import entries
from loanbook.core.store.people.database import People
from loanbook.pipelines.reporting.audit_pack.formats import FORMATS
from loanbook.pipelines.reporting.audit_pack.writing import Wanted


def asked_for(
    scope: Iterable[str], formats: Iterable[str], papers: bool, metro2: str = ""
) -> Wanted:
    """What a command line asks of a pack. LoanbookError names what there is instead."""
    values: dict[str, set[str]] = {}
    for told in scope:
        name, _, value = told.partition("=")
        if name not in SCOPES or not value:
            raise LoanbookError(f"--scope {told}: write {', '.join(f'{each}=VALUE' for each in SCOPES)}")  # fmt: skip
        values.setdefault(name, set()).add(value)
    for each in formats:
        if each not in FORMATS:
            raise LoanbookError(f"--format {each}: there are {', '.join(FORMATS)}")
    return Wanted(
        tuple(dict.fromkeys(formats)),
        {name: frozenset(each) for name, each in values.items()},
        papers=papers,
        metro2=metro2,
    )


def of_export(at: Clocks, wanted: Wanted) -> dict[str, Any]:
    """What the trail tells of an export, and by which it is known again."""
    scope = {name: sorted(values) for name, values in sorted(wanted.scope.items())}
    return {"as_of": at.on.isoformat(), "known_at": at.known, "scope": scope}


def since_the_export_before(people: People, at: Clocks, wanted: Wanted) -> int:
    """The version that the export before of the same scope was known at; 0: there was none. An export that is made
    again tells what it told before, whatever was exported in between."""
    own = of_export(at, wanted)
    before = 0
    for text in entries(people, activity="ledger.export")["after"].drop_nulls():
        told = json.loads(text)
        same = told | {"scope": told.get("scope", {})}
        if {name: same.get(name) for name in own} == own and "since" in told:
            return int(told["since"])
        if same["scope"] == own["scope"] and int(told["known_at"]) < at.known:
            before = max(before, int(told["known_at"]))
    return before
