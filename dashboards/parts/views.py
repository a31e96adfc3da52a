"""Saved views: a page's address by name, kept in the instance's folder, so that a colleague can open it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from loanbook.core.store.storage.whole_files import write_whole

NAME = re.compile(r"[\w .,-]{1,60}", re.UNICODE)
"""Names that a view may have: they are names of files."""


def folder_of(home: Path) -> Path:
    """Where views are kept."""
    return home / "views"


def saved(home: Path) -> dict[str, dict[str, list[str]]]:
    """Views by name: parameters of the address. A file that is none is left out."""
    found = {}
    for path in sorted(folder_of(home).glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            found[path.stem] = {
                str(k): [str(x) for x in v] for k, v in content.items() if isinstance(v, list)
            }
    return found


def save(home: Path, name: str, parameters: dict[str, list[str]]) -> None:
    """Keep a view under a name, in place of one of the same name. ValueError: no name."""
    name = name.strip()
    if not NAME.fullmatch(name) or name.startswith("."):
        raise ValueError("Use letters, digits, blanks, points, commas and hyphens, 60 at most.")
    folder = folder_of(home)
    folder.mkdir(exist_ok=True)
    told = json.dumps(parameters, indent=1, ensure_ascii=False)
    write_whole(folder / f"{name}.json", told.encode())


def forget(home: Path, name: str) -> None:
    """Take a view away."""
    if NAME.fullmatch(name):
        (folder_of(home) / f"{name}.json").unlink(missing_ok=True)
