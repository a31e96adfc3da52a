"""The debits of a day: what falls due by mandates that live, recorded and handed over, each asked for once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from loanbook.core.payments.out.presentment import DEBITS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator
from loanbook.core.store.queries import InstanceQueries
from loanbook.core.store.sending.asking import debits_of
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import knowledge
from loanbook.pipelines.payments.outbox import hand_over
from loanbook.pipelines.payments.recording import OutFile, file_of, record


@dataclass(frozen=True)
class Presented:
    """What was, or would be, presented on a day."""

    day: dt.date
    files: list[OutFile]
    passed: pl.DataFrame
    """Debits that fell to the day and are not presented (`PASSED_BY`)."""
    handed_over: Sequence[Path] = ()
    """Where files lie that were handed over now, those of a run that was killed among them."""


Planned = Callable[[InstanceQueries, PolicyBook, dt.date], Presented]
"""What would be sent on a day."""


def sent_out(
    planned: Planned, ledger: Ledger, policies: PolicyBook, day: dt.date, run_id: str
) -> Presented:
    """Record the files of a day as they are planned, and hand them over.

    Repeatable: what was recorded is not planned again, and what was recorded but not handed over is handed over.
    """
    judged_at = ledger.intake_head()
    found = planned(ledger, policies, day)
    known = knowledge(ledger, policies, ledger.settings.home)
    record(ledger, known, found.files, run_id, judged_at)
    return replace(found, handed_over=hand_over(ledger, policies, ledger.settings))


def present(ledger: Ledger, policies: PolicyBook, day: dt.date, *, run_id: str) -> Presented:
    """Record the debits of a day that were not presented before, and hand their files over. Repeatable."""
    return sent_out(plan, ledger, policies, day, run_id)


def plan(ledger: InstanceQueries, policies: PolicyBook, day: dt.date) -> Presented:
    """The files of debits for a day, nothing recorded."""
    asked, passed = debits_of(ledger, policies, day)
    files = [file_of(ledger, by, day, "debit", _told(rows, by)) for by, rows in asked]
    return Presented(day, files, passed)


def _told(rows: pl.DataFrame, by: Originator) -> pl.DataFrame:
    return rows.select(DEBITS.keys()).with_columns(
        entry_class=pl.lit(by.entry_class if by.rail == "nacha" else ""),
        remittance=pl.lit(None, pl.String),
    )
