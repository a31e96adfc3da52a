"""Files by their content, and folders of the landing folder that rest: all their files were taken in, and nothing was
added, removed or renamed in them since, so that an intake need not list them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping

from loanbook.core.store.lake import LAKE, open_reader, patiently, transaction
from loanbook.core.store.migrations import NEWEST, schema_of
from loanbook.core.store.queries import Queries
from loanbook.core.store.settings import Settings

Stamp = tuple[int, int, int]
"""What a file system says of a folder: inode, and when it was modified and changed, in nanoseconds."""
Taken = dict[tuple[str, dt.date | None], set[str]]
"""Names of files that were taken in, by content and business date."""


def known_files(
    ledger: Queries, contents: Collection[str]
) -> tuple[Taken, set[tuple[str, str, str]]]:
    """Of files with these contents (SHA-256): names of those taken in, by content and business date, and those refused,
    by content, name and reason. The same content under another date is another file."""
    taken: Taken = {}
    refused: set[tuple[str, str, str]] = set()
    if not contents:
        return taken, refused
    found = ledger.frame(
        "SELECT file_id, business_date, name, state, reason FROM {lake}.files "
        "WHERE file_id IN (SELECT unnest(?))",
        [sorted(set(contents))],
    )
    for file_id, date, name, state, reason in found.rows():
        if state == "refused":
            refused.add((file_id, name, reason))
        else:
            taken.setdefault((file_id, date), set()).add(name)
    return taken, refused


def rows_of_files(
    ledger: Queries, column: str, values: Collection[str]
) -> list[tuple[str, str, int, dt.date]]:
    """`file_id`, `name`, `bytes`, `business_date` of files whose `column` (one of the first two) is among the values."""
    if not values:
        return []
    # digests stand for the values: what is bound makes DuckDB import pandas, and a name may hold anything
    digests = {
        hashlib.sha256(value.encode(errors="surrogateescape")).hexdigest() for value in values
    }
    among = ", ".join(f"'{digest}'" for digest in sorted(digests))
    return ledger.rows(
        f"SELECT file_id, name, bytes, business_date FROM {{lake}}.files WHERE sha256({column}) IN ({among})"
    )


def folders_at_rest(ledger: Queries) -> dict[str, Stamp]:
    """Folders below the landing folder that rest as long as their stamp is this one, by their path below it."""
    rows = ledger.rows(
        "SELECT folder, arg_max((inode, modified_ns, changed_ns), recorded_at) "
        "FROM {lake}.landing_folders GROUP BY folder"
    )
    return dict(rows)


def resting(settings: Settings) -> dict[str, Stamp]:
    """`folders_at_rest` of an instance's ledger; none where there is no ledger, or one of an earlier schema."""
    if not settings.has_ledger:
        return {}
    with Queries(open_reader(settings)) as ledger:
        return folders_at_rest(ledger) if schema_of(ledger.connection) == NEWEST else {}


def put_to_rest(ledger: Queries, folders: Mapping[str, Stamp]) -> None:
    """Remember folders whose files all were taken in, by the stamp that they had before they were listed."""

    def write() -> None:
        with transaction(ledger.connection):
            for folder, stamp in folders.items():
                ledger.connection.execute(
                    f"INSERT INTO {LAKE}.landing_folders VALUES (?, ?, ?, ?, now()::TIMESTAMP)",
                    [folder, *stamp],
                )

    if folders:
        patiently(write)
