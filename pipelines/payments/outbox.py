"""The outbox: files for banks are handed over here, each once, whatever is killed when.

A file is recorded in the ledger first. Then it is written to a folder that no one else looks into, the ledger is
told that it is about to be handed over, and it is moved into the outbox, which takes no time. So a file that waits
in the folder was not handed over, one that the ledger knows nothing of and is not there can be written anew, and
one that the ledger marks and is not there was taken: it is never made again by itself.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.payments.out.instructions import Heading, Instructions
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator
from loanbook.core.store.lake import utc_now
from loanbook.core.store.queries import Queries
from loanbook.core.store.sending.instructions import (
    instructions_of,
    mark_handed_over,
    not_handed_over,
    recorded_file,
    with_accounts,
)
from loanbook.core.store.sending.vault import Vault
from loanbook.core.store.settings import Settings
from loanbook.core.store.storage.whole_files import PART, to_disk, write_whole
from loanbook.pipelines.formats.bank_out.writing import WRITERS

WAITING = ".waiting"
"""Folder within the outbox of files that are not handed over yet."""
PRIVATE = 0o600
"""Mode of files that tell accounts."""


def outbox(where: Settings) -> Path:
    """Folder from which files are taken to the bank; only the lender's own user may look into it."""
    folder = where.home / "outbox"
    (folder / WAITING).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def hand_over(ledger: Queries, policies: PolicyBook, where: Settings) -> list[Path]:
    """Hand over what is recorded and was not; where each file lies now. A run that was killed is gone on with."""
    folder = outbox(where)
    for file in not_handed_over(ledger):
        waiting = folder / WAITING / file["name"]
        write_whole(waiting, contents(ledger, policies, where, file), PRIVATE)
        mark_handed_over(ledger, file["file_key"], utc_now())
    done = []
    for waiting in sorted((folder / WAITING).iterdir()):
        if waiting.suffix == PART:  # a run was killed while it wrote: what it began is no file
            waiting.unlink()
            continue
        waiting.rename(folder / waiting.name)
        to_disk(folder)
        done.append(folder / waiting.name)
    return done


def again(ledger: Queries, policies: PolicyBook, where: Settings, name: str, to: Path) -> Path:
    """Write a recorded file again, the same bytes, to a place of one's own: the outbox sees nothing of it."""
    file = recorded_file(ledger, name)
    if file is None:
        raise LedgerError(
            f'no file {name!r} was recorded; `loanbook sql "SELECT name FROM files_out"` lists them'
        )
    path = to / file["name"] if to.is_dir() else to
    write_whole(path, contents(ledger, policies, where, file), PRIVATE)
    return path


def contents(ledger: Queries, policies: PolicyBook, where: Settings, file: dict[str, Any]) -> bytes:
    """The bytes of a recorded file. LedgerError where they come out as others than were recorded."""
    by = _originator(policies, file)
    rows = with_accounts(
        ledger, Vault(where.lake, where), instructions_of(ledger, file["file_key"])
    )
    data = written(by, file["file_key"], file["business_date"], file["number"], rows)
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise LedgerError(
            f"{file['name']}: made again it is another file than was recorded, so nothing was handed over: "
            f"put the originator {by.name}@{by.version} back as it was, or the release that recorded it"
        )
    return data


def written(by: Originator, file_key: str, day: dt.date, number: int, rows: pl.DataFrame) -> bytes:
    """The file of instructions that tell their accounts."""
    complete = rows.with_columns(
        prenote=pl.col("purpose") == "prenote",
        account_type=pl.col("account_type").fill_null(""),
        bank=pl.col("bank").fill_null(""),
    ).select(Instructions.column_names())
    _, write = WRITERS[by.rail]
    return write(by, Heading(file_key, by.sent_at(day), number), complete)


def _originator(policies: PolicyBook, file: dict[str, Any]) -> Originator:
    for _, policy in policies.policies:
        if isinstance(policy, Originator) and (policy.name, policy.version) == (
            file["originator"], file["originator_version"],
        ):  # fmt: skip
            return policy
    raise LedgerError(
        f"{file['name']} was recorded for originators/{file['originator']}@{file['originator_version']}, "
        "whose file is gone; put it back"
    )
