"""Files that landed and were not taken in yet. No format is imported: `loanbook status` answers at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

_DATE = re.compile(r"_(\d{4}-\d{2}-\d{2})")


def waiting(landing: Path, known: Iterable[tuple[str, str, int, object]]) -> list[str]:
    """Names of landed files that intake has not seen, sorted.

    `known`: content's SHA-256, name, bytes and business date of every file that the ledger tells of. A
    file of the same name and size counts as seen; of others the content decides.
    """
    rows = list(known)
    seen = {(name, size) for _, name, size, _ in rows}
    contents = {(content, str(date)) for content, _, _, date in rows}
    found = []
    for path in landing.rglob("*") if landing.exists() else ():
        if path.name.startswith(".") or path.is_symlink() or not path.is_file():
            continue
        if (path.name, path.stat().st_size) in seen:
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
