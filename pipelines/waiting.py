"""What lies in the landing folder, and what of it was not taken in yet.

No format is imported: `loanbook status` answers at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

CHECKSUM = ".sha256"
"""Ending of a file that holds the SHA-256 of the file of the same name without it."""
SIGNATURE = ".sig"
"""Ending of a file that holds the signature of the file of the same name without it."""
_DATE = re.compile(r"_([0-9]{4}-[0-9]{2}-[0-9]{2})")


def landed_paths(landing: Path) -> Iterator[Path]:
    """Files and links of the landing folder, sorted, without hidden ones, and checksums and signatures of others."""
    for path in sorted(landing.rglob("*")) if landing.exists() else ():
        if path.name.startswith(".") or path.name.endswith((CHECKSUM, SIGNATURE)):
            continue
        if path.is_symlink() or path.is_file():
            yield path


def waiting(landing: Path, known: Iterable[tuple[str, str, int, object]]) -> list[str]:
    """Names of landed files that intake has not seen, sorted.

    `known`: content's SHA-256, name, bytes and business date of every file that the ledger tells of. A
    file of the same name and size counts as seen; of others the content decides.
    """
    rows = list(known)
    seen = {(name, size) for _, name, size, _ in rows}
    contents = {(content, str(date)) for content, _, _, date in rows}
    found = []
    for path in landed_paths(landing):
        if path.is_symlink() or (path.name, path.stat().st_size) in seen:
            continue
        date = _DATE.search(path.name)
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        if (content, date[1] if date else "None") not in contents:
            found.append(path.name)
    return sorted(found)


def in_words(names: list[str]) -> str:
    """How many files wait, and which come first."""
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"{len(names):,} landed and not taken in" + (f": {shown}" if names else "")
