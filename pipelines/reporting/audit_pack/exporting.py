"""An audit pack for somebody who asks, by a command or on a page: as their roles show it, and told in the trail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from loanbook.core.access.actor import Actor
from loanbook.core.store.clocks import Day, Known
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.people.audit import Record, log
from loanbook.core.store.people.database import People
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.reporting.audit_pack.asked import of_export, since_the_export_before
from loanbook.pipelines.reporting.audit_pack.writing import Pack, Wanted, write_pack


@dataclass(frozen=True)
class Requester:
    """Who asks for a pack, and what they see."""

    actor: Actor
    shown: Shown
    sees_trail: bool


def export_pack(
    people: People, by: Requester, folder: Path, wanted: Wanted, as_of: Day = None, known_at: Known = None
) -> Pack:  # fmt: skip
    """Write a pack of both clocks and a scope, and let the trail tell of it with the digest of its manifest."""
    seen = replace(by.shown, reading=by.shown.reading.narrowed(wanted.scope))
    reader = LedgerReader(people.settings, seen)
    try:
        at = reader.clocks(as_of, known_at)
        reader.by(str(at.on), at.known)
        wanted = replace(wanted, since=since_the_export_before(people, at, wanted))
        pack = write_pack(reader, at, folder, by.actor, sees_trail=by.sees_trail, wanted=wanted)
    finally:
        reader.close()
    told = {**of_export(at, wanted), "since": wanted.since, "manifest_sha256": pack.digest}
    log(people, by.actor, Record("ledger.export", ("audit_pack", pack.digest), after=told))
    return pack
