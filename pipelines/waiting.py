"""What lies in the landing folder, and what of it was not taken in yet.

No format is imported: `loanbook status` answers at once.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from loanbook.core.store.storage.whole_files import write_whole

CHECKSUM = ".sha256"
"""Ending of a file that holds the SHA-256 of the file of the same name without it."""
SIGNATURE = ".sig"
"""Ending of a file that holds the signature of the file of the same name without it."""
_DATE = re.compile(r"_([0-9]{4}-[0-9]{2}-[0-9]{2})")


Stamp = tuple[int, int, int]
"""Of a folder: inode, and when it was modified and changed, in nanoseconds."""


@dataclass(frozen=True)
class Folder:
    """A folder of landed files as it was listed; `name`: its path below the landing folder, empty of that itself."""

    name: str
    stamp: Stamp
    """Read before it was listed: what comes meanwhile gives it another."""
    files: tuple[Path, ...]
    """Files, links and folders that are named as files are, without hidden ones, and checksums and signatures of others."""
    has_folders: bool


def land(path: Path, data: bytes) -> Path:
    """Write a file into the landing folder; it is whole before its name is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    return path


def stamp_of(path: Path) -> Stamp:
    """What the file system says of a folder. It is another once a file is added, removed or renamed there."""
    seen = path.stat()
    return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns


def listed(landing: Path, resting: Mapping[str, Stamp]) -> Iterator[Folder]:
    """The landing folder and those below it, without folders that rest: those with the stamp that `resting` has."""
    if not landing.is_dir():
        return
    open_ = [landing]
    for path in open_:
        name = path.relative_to(landing).as_posix() if path != landing else ""
        stamp = stamp_of(path)
        if resting.get(name) == stamp:
            continue
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        below = [
            Path(each.path)
            for each in found
            if each.is_dir(follow_symlinks=False) and not is_misnamed(each.name)
        ]
        files = tuple(
            Path(each.path)
            for each in found
            if not each.name.startswith(".")
            and not each.name.endswith((CHECKSUM, SIGNATURE))
            and (
                each.is_symlink()
                or each.is_file(follow_symlinks=False)
                or (each.is_dir(follow_symlinks=False) and is_misnamed(each.name))
            )
        )
        open_ += below
        yield Folder(name, stamp, files, bool(below))


def is_misnamed(folder: str) -> bool:
    """Whether a folder has the name of a landed file: whoever made it meant to land one."""
    return bool(_DATE.search(folder)) and bool(Path(folder).suffix)


def landed_paths(landing: Path, resting: Mapping[str, Stamp] = MappingProxyType({})) -> list[Path]:
    """Files, links and misnamed folders of the landing folder, sorted, without hidden ones, checksums and signatures of
    others, and those of folders that rest."""
    return sorted(path for folder in listed(landing, resting) for path in folder.files)


Known = Iterable[tuple[str, str, int, object]]
"""SHA-256 of the content, name, bytes and business date of files that the ledger tells of."""


def waiting(paths: Iterable[Path], named: Known, having: Callable[[list[str]], Known]) -> list[str]:
    """Names of landed files that intake has not seen, sorted.

    `named`: files that have one of their names; `having`: those with one of the contents. A file of the same name
    and size counts as seen; of others the content decides.
    """
    seen = {(name, size) for _, name, size, _ in named}
    others = {}
    for path in paths:
        if path.is_symlink() or path.is_dir() or (path.name, path.stat().st_size) in seen:
            continue
        date = _DATE.search(path.name)
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        others[path.name] = (content, date[1] if date else "None")
    contents = [content for content, _ in others.values()]
    known = {(content, str(date)) for content, _, _, date in (having(contents) if others else ())}
    return sorted(name for name, own in others.items() if own not in known)


def in_words(names: list[str]) -> str:
    """How many files wait, and which come first."""
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"{len(names):,} landed and not taken in" + (f": {shown}" if names else "")
