"""What the versions of the ledger say of the audit trail."""

from __future__ import annotations

from loanbook.core.access.trail import Anchor
from loanbook.core.store.lake import open_reader
from loanbook.core.store.migrations import must_be_newest
from loanbook.core.store.queries import Queries
from loanbook.core.store.settings import Settings


def anchors(where: Settings) -> list[Anchor]:
    """One a version, by number; none where there is no ledger."""
    if not where.has_ledger:
        return []
    connection = open_reader(where)
    must_be_newest(connection, where.home)
    with Queries(connection) as ledger:
        rows = ledger.rows(
            "SELECT version, entries, hash FROM {lake}.audit_anchors ORDER BY version"
        )
    return [Anchor(*row) for row in rows]
