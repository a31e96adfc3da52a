"""The landing folder: files as they came, known by their content, whole, with dates that can be meant.

A day that is landed is closed, with every day before it, so one mistyped year would close decades. A
file that is still being written waits, one that was cut is refused: `loanbook.toml` says by what a whole
file is known (`[intake] complete`, `settle_seconds`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.instance import Intake
from loanbook.core.store.settings import Settings
from loanbook.pipelines.formats.registry import BY_NAME, PLACE, dated, recognised
from loanbook.pipelines.formats.table import PARQUET, with_line_feeds
from loanbook.pipelines.ingest.seen import SEEN, Seen
from loanbook.pipelines.instance import mappings
from loanbook.pipelines.waiting import CHECKSUM, Folder, Stamp, landed_paths, listed, stamp_of

MAX_BYTES = 512 * 1024 * 1024
"""A larger file is refused: send it in parts."""
AHEAD_DAYS = 31
"""A business date may lie so many days after the date of the clock."""
TRAILER = b"TRAILER,"
"""Begins the last line of a file that ends with a count of its rows: `TRAILER,250`."""
SHELF = re.compile(r"[0-9]{4}-[0-9]{2}(\.[0-9]+)?")
"""Names of folders into which files of a month are moved (`shelving`)."""
GAP_DAYS = 366
"""Landed business dates follow each other at most so many days apart."""


@dataclass(frozen=True)
class LandingFile:
    """A file of the landing folder. `kind` and `business_date` come of its name."""

    path: Path
    file_id: str
    bytes: int
    kind: str | None
    business_date: dt.date | None
    refusal: str = ""
    """Why it is not read, whatever it holds; empty: it is."""
    modified_ns: int = 0
    """When it was written last, by its file system."""
    changed_ns: int = 0
    """When it was written, renamed or given other rights last, by the clock of its file system."""

    @property
    def mapping(self) -> str:
        """The mapping that the name ends with; empty if with none."""
        return BY_NAME[self.kind].mapping_of(self.path.stem) if self.kind else ""


Taken = Mapping[tuple[str, dt.date | None], set[str]]
"""Names of files that were taken in, by content and business date."""


def is_taken(file: LandingFile, taken: Taken, policies: PolicyBook) -> bool:
    """Whether the file's content was taken in for its date: under whatever name, but for one that names the
    mapping of another sender, whose rows are others though they read alike."""
    names = taken.get((file.file_id, file.business_date))
    if not names or file.path.name in names:
        return bool(names)
    folder = BY_NAME[file.kind].mappings if file.kind else ""
    senders = set(mappings(policies, folder)) if folder else set()

    def sender(name: str) -> str:
        ending = BY_NAME[file.kind].mapping_of(Path(name).stem) if file.kind else ""
        return ending if ending in senders else ""

    own = sender(file.path.name)
    return not own or not {own, ""}.isdisjoint(map(sender, names))


def address(path: Path) -> str:
    """SHA-256 of the content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scan(
    folder: Path, seen: Seen | None = None, resting: Mapping[str, Stamp] = MappingProxyType({})
) -> list[LandingFile]:
    """Files of the landing folder: tapes by business date, then all others, day by day.

    A loan's number is given when its tape is committed, so tapes come first; a file of an earlier day knows
    nothing of their loans all the same (`Known.by`). Money comes before the orders of its day: what is
    taken in does not hang on what else lies in the folder. Those of folders that rest are left out; of a
    file that is as it was `seen` the content is not read.
    """
    return in_order(landed_paths(folder, resting), seen)


def in_order(paths: Iterable[Path], seen: Seen | None = None) -> list[LandingFile]:
    """Files as `scan` has them."""
    found = [
        _no_file(path) if path.is_symlink() or path.is_dir() else landed(path, seen)
        for path in paths
    ]
    latest = dt.date.max
    if seen is not None:
        seen.keep()
    return sorted(
        found,
        key=lambda f: (
            not (f.kind and BY_NAME[f.kind].gives_loans),
            f.business_date or latest,
            PLACE.get(f.kind or "", len(PLACE)),
            f.path.name,
        ),
    )


def landed(path: Path, seen: Seen | None = None) -> LandingFile:
    """A plain file as it lies there now: `whole` tells by it whether the file still changes."""
    kind, date = dated(path.name)
    now = path.stat()
    content = address(path) if seen is None else seen.content(path, now, address)
    return LandingFile(
        path, content, now.st_size, kind, date,
        modified_ns=now.st_mtime_ns, changed_ns=max(now.st_mtime_ns, now.st_ctime_ns),
    )  # fmt: skip


def _no_file(path: Path) -> LandingFile:
    """A link is not followed: what it points to was not landed. A folder is none, though it has the name of a file."""
    what, why = (
        ("link", "a link, which is not followed; land the file itself")
        if path.is_symlink()
        else ("folder", "a folder with the name of a file; land the file itself")
    )
    name = hashlib.sha256(f"{what} {path.name}".encode()).hexdigest()
    return LandingFile(path, name, 0, None, None, why)


def landed_dates(folder: Path) -> list[str]:
    """Dates that the names of the landing folder tell, as text, sorted; no file is read.

    Of files that were shelved by month those of the first month alone: dates between it and the others
    are left out.
    """
    below = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    months = [name for name in below if SHELF.fullmatch(name)]
    later = {name: stamp_of(folder / name) for name in months if name[:7] > months[0][:7]}
    return [date.isoformat() for date in named_dates(landed_paths(folder, later))]


def named_dates(paths: Iterable[Path]) -> list[dt.date]:
    """Business dates that the names of files tell, sorted."""
    named = (recognised(path.name) for path in paths)
    return sorted(dt.date.fromisoformat(found[1]) for found in named if found)


def far_dates(
    landed: Iterable[dt.date], known: Iterable[dt.date], today: dt.date
) -> dict[dt.date, str]:
    """Business dates of files that are refused, with the reason and what to do.

    `landed`: the date of each new file, as often as it occurs; `known`: dates that the ledger has
    already. Dates with no gap of more than `GAP_DAYS` between them belong together; where none is
    known, most files decide which of the groups is meant.
    """
    ahead = today + dt.timedelta(days=AHEAD_DAYS)
    files = Counter(landed)
    anchors = set(known)
    refused = {
        date: f"the business date {date} of its name is {(date - today).days} days ahead of the "
        f"clock ({today}), more than {AHEAD_DAYS}: mend the year in the name"
        for date in files
        if date > ahead
    }
    groups = _groups(sorted({*files, *anchors} - set(refused)))
    if not groups:
        return refused
    book = max(groups, key=lambda g: (len(anchors & set(g)), sum(files[d] for d in g), g[0]))
    for group in groups:
        if group is book:
            continue
        near = book[0] if group[0] < book[0] else book[-1]
        for date in group:
            refused[date] = (
                f"the business date {date} of its name lies {abs((date - near).days)} days from "
                f"{near}, the nearest date of the book, more than {GAP_DAYS}: mend the year in the "
                "name, or land the days between first"
            )
    return {date: why for date, why in refused.items() if date in files and date not in anchors}


def near_dates(landed: Iterable[dt.date], today: dt.date) -> list[dt.date]:
    """Dates of landed files, sorted, without those that would be refused."""
    dates = list(landed)
    far = far_dates(dates, (), today)
    return sorted({date for date in dates if date not in far})


def _groups(dates: list[dt.date]) -> list[list[dt.date]]:
    groups: list[list[dt.date]] = []
    for date in dates:
        if groups and (date - groups[-1][-1]).days <= GAP_DAYS:
            groups[-1].append(date)
        else:
            groups.append([date])
    return groups


@dataclass(frozen=True)
class Found:
    """What an intake finds in the landing folder."""

    folders: list[Folder]
    """As they were listed, those that rest left out."""
    files: list[LandingFile]


def find(where: Settings, resting: Mapping[str, Stamp]) -> Found:
    """List what may be new; a file that is as it was seen before is not read."""
    folders = list(listed(where.landing, resting))
    paths = sorted(path for folder in folders for path in folder.files)
    return Found(folders, in_order(paths, Seen(where.home / SEEN)))


class NotYetError(IntakeError):
    """The file may still be being written: it is left for the next intake, which finds it whole."""


def whole(file: LandingFile, rules: Intake) -> bytes:
    """Content of the file, without its trailer. NotYetError: it may still grow; IntakeError: it is not
    what its trailer or checksum says."""
    age = time.time() - file.modified_ns / 10**9
    if rules.settle_seconds and 0 <= age < rules.settle_seconds:
        raise NotYetError(f"it was written {age:.0f} s ago, less than {rules.settle_seconds}")
    data = with_line_feeds(file.path.read_bytes())
    seen = file.path.stat()
    if (seen.st_size, seen.st_mtime_ns) != (file.bytes, file.modified_ns):
        raise NotYetError("it changed while it was read")
    if rules.complete == "checksum":
        _must_have_its_checksum(file)
    if rules.complete == "trailer":
        return _without_trailer(data)
    return data


def ends_itself(file: LandingFile) -> bool:
    """Whether a file is whole, or can't be read: its kind says so, or its content, where that tells the form, is
    Parquet or XML."""
    if file.kind is None:
        return False
    kind = BY_NAME[file.kind]
    if kind.ends_itself or kind.extension:
        return kind.ends_itself
    with file.path.open("rb") as content:
        head = content.read(64)
    return head.startswith(PARQUET) or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


_ENDS_WHOLE = re.compile(rb"(^|,)[0-9]{4}-[0-9]{2}-[0-9]{2}\r?$")
"""The end of a line that can't be cut: a date with all its digits."""


def cut_line(data: bytes, rules: Intake) -> tuple[bytes, int]:
    """Content without a last line that may be cut, and that line's number; 0: there is none.

    A last line without its end may stop within its last field, which then reads as another value.
    """
    body, _, last = data.rpartition(b"\n")
    if rules.complete != "line_end" or not body or not last.strip() or _ENDS_WHOLE.search(last):
        return data, 0
    return body + b"\n", body.count(b"\n") + 2


def ends_open(data: bytes, rules: Intake) -> bool:
    """Whether content that is taken ends within a line, so that rows after it may be missing: the line
    itself is whole (`cut_line`), or how a whole file is known leaves none in doubt."""
    return rules.complete == "line_end" and not data.endswith(b"\n") and b"\n" in data


def _must_have_its_checksum(file: LandingFile) -> None:
    beside = file.path.with_name(file.path.name + CHECKSUM)
    if not beside.is_file():
        raise NotYetError(f"{beside.name}, which holds its checksum, has not landed")
    told = beside.read_text(encoding="utf-8", errors="replace").split()
    if not told or told[0].lower() != file.file_id:
        raise IntakeError(
            f"its SHA-256 is not the one of {beside.name}; send both again, the file first"
        )


def _without_trailer(data: bytes) -> bytes:
    lines = data.rstrip(b"\r\n").split(b"\n")
    last = lines[-1].rstrip(b"\r")
    if not last.startswith(TRAILER):
        raise IntakeError(
            f"its last line is not {TRAILER.decode()}COUNT, so it may be cut; send it whole"
        )
    count = sum(1 for line in lines[1:-1] if line.strip(b"\r"))
    if last[len(TRAILER) :].strip() != str(count).encode():
        raise IntakeError(
            f"its trailer counts {last[len(TRAILER) :][:20].decode(errors='replace')} rows, it has "
            f"{count}; send it whole"
        )
    return b"\n".join(lines[:-1]) + b"\n"
