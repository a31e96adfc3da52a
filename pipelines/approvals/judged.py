"""An order as intake would take it: the events it makes, or the rule that it breaks; nothing is written."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loanbook.core.errors import LoanbookError
from loanbook.core.ledger.events import as_kept
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CANONICAL_COMMANDS
from loanbook.core.servicing.laws.trial import faults
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.order_context import history
from loanbook.core.store.queries import Queries
from loanbook.pipelines.formats.commands import COLUMNS, FIELDS
from loanbook.pipelines.ingest.intake import knowledge
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.orders.entering import judged as judged_by_loans
from loanbook.pipelines.ingest.orders.signed import PERSONAL


class OrderRefusedError(LoanbookError):
    """An order that breaks a rule; the message names it."""


@dataclass(frozen=True)
class Judged:
    """An order that may enter: the loan's events as they are, and those that it adds."""

    loan_id: int
    known: pl.DataFrame
    """Schema `Events`."""
    added: pl.DataFrame
    """Schema `Events`, numbered after those that are known."""
    date: dt.date
    """Business date of the file that would bring it."""


def command_file(rows: list[dict[str, str]]) -> bytes:
    """Rows as a command file in loanbook's own columns, the same bytes each time."""
    used = [field.name for field in FIELDS if any(row.get(field.name) for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, [*COLUMNS, *used], restval="", extrasaction="raise", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows({name: row.get(name, "") for name in (*COLUMNS, *used)} for row in rows)
    return text.getvalue().encode()


def judge(ledger: Queries, policies: PolicyBook, home: Path, row: dict[str, str]) -> Judged:
    """The order of a row, judged by its loan as it stands and by a trial. OrderRefusedError names the rule."""
    _, published = ledger.published()
    if published is None:
        raise OrderRefusedError("nothing is published yet: close a day first")
    if personal := [name for name in PERSONAL if row.get(name)]:
        raise OrderRefusedError(
            f"{personal[0]} is of a person, and the queue keeps nothing of persons; send it in a signed command file"
        )
    data = command_file([row])
    file = LandingFile(
        Path(f"commands_{published}_0.csv"), "judged", len(data), "commands", published
    )
    known = knowledge(ledger, policies, home)
    taken = judged_by_loans(data, file, policies, CANONICAL_COMMANDS, known)
    if taken.bad:
        first = taken.bad[0]
        raise OrderRefusedError(
            f"refused by the rule {first['rule']} (docs/refusals.md): {first['found']}"
        )
    if taken.events is None or taken.events.is_empty():
        raise OrderRefusedError(
            f"{row['command_ref']} is known already: the ledger holds the same order"
        )
    ids = taken.events["loan_id"].unique()
    before = history(ledger, ids)
    both = _numbered(pl.concat([before, as_kept(taken.events)]))
    first_open = ledger.first_open()
    past = StoredHistory(ledger, policies, first_open) if first_open else None
    bad = faults(both, policies, past, first_open)
    if bad.height:
        law, figures = bad.select("law", "figures").row(0)
        raise OrderRefusedError(
            f"it could not be closed: {law}: {figures}; order it otherwise, or on another day"
        )
    return Judged(int(ids[0]), both.head(before.height), both.tail(-before.height), published)


def _numbered(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(event_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
