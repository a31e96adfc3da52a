"""Landed files of months past: moved into a folder of their month, which rests once an intake has seen it.

The landing folder itself is listed by every intake, so that it must not hold all that ever came. A file is moved, never
changed or deleted: its name and content stay, and by them it is known.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.known.files import folders_at_rest, known_files, put_to_rest
from loanbook.core.store.queries import Queries
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.landing import Found, LandingFile, address, find, is_taken
from loanbook.pipelines.ingest.seen import YOUNG_NS
from loanbook.pipelines.waiting import CHECKSUM, SIGNATURE

DAY_NS = 86_400 * 10**9


def shelve(ledger: Ledger, policies: PolicyBook) -> int:
    """Move files that were taken in for a month before the last one into the folder of their month; how many.

    The month that runs and the one before it stay, and so does all that is refused, waits or lies in a folder already.
    IntakeError where the landing folder can't be written.
    """
    _, published = ledger.published()
    where = ledger.settings
    if published is None:
        return 0
    before = (published.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    files = [
        file
        for file in find(where, folders_at_rest(ledger)).files
        if file.path.parent == where.landing and file.business_date and file.business_date < before
    ]
    taken, _ = known_files(ledger, [file.file_id for file in files])
    moved = 0
    for file in files:
        if not is_taken(file, taken, policies):
            continue
        try:
            _move(file, where.landing)
        except FileNotFoundError:  # another run moved it
            continue
        except OSError as error:
            raise IntakeError(
                f"{file.path} can't be moved to the folder of its month: {error}; let loanbook write to "
                f"{where.landing}, or set shelve = false below [maintenance] in loanbook.toml"
            ) from error
        moved += 1
    return moved


def _move(file: LandingFile, landing: Path) -> None:
    """Into the first folder of its month that has no other file of the name."""
    assert file.business_date is not None
    for folder in shelves(landing, file.business_date):
        to = folder / file.path.name
        if to.exists() and address(to) != file.file_id:
            continue
        folder.mkdir(exist_ok=True)
        for ending in (CHECKSUM, SIGNATURE):
            beside = file.path.with_name(file.path.name + ending)
            if beside.is_file():
                beside.rename(folder / beside.name)
        file.path.rename(to)
        return


def shelves(landing: Path, date: dt.date) -> Iterator[Path]:
    """Folders of a date's month, one after the other without an end."""
    month = f"{date:%Y-%m}"
    yield landing / month
    yield from (landing / f"{month}.{n}" for n in count(2))


def shelved(landing: Path, file_id: str, name: str, date: dt.date) -> Path | None:
    """Where a file was moved to; None: it lies in no folder of its month."""
    for folder in shelves(landing, date):
        if not folder.is_dir():
            return None
        path = folder / name
        if path.is_file() and not path.is_symlink() and address(path) == file_id:
            return path
    return None


def let_rest(ledger: Queries, policies: PolicyBook, found: Found, rest_days: int) -> None:
    """Remember folders below the landing folder that need not be listed again as they are: all their files were taken
    in, and nothing changed there for so many days by the clock."""
    still = time.time_ns() - max(rest_days * DAY_NS, YOUNG_NS)
    by_folder: dict[Path, list[LandingFile]] = {}
    for file in found.files:
        by_folder.setdefault(file.path.parent, []).append(file)
    quiet = {}
    for folder in found.folders:
        files = by_folder.get(folder.files[0].parent, []) if folder.files else []
        if not folder.name or folder.has_folders or not files or max(folder.stamp[1:]) > still:
            continue
        if max(file.changed_ns for file in files) <= still:
            quiet[folder.name] = (folder.stamp, files)
    if not quiet:
        return
    contents = [file.file_id for _, files in quiet.values() for file in files]
    taken, _ = known_files(ledger, contents)
    put_to_rest(
        ledger,
        {
            name: stamp
            for name, (stamp, files) in quiet.items()
            if all(is_taken(file, taken, policies) for file in files)
        },
    )
