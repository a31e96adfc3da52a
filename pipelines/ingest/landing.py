"""The landing folder: files as they came, known by their content."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(
    r"^(?P<kind>loan_tape|index|payments|commands)_(?P<date>\d{4}-\d{2}-\d{2})[\w.-]*\.csv$"
)
KINDS = ("loan_tape", "index", "payments", "commands")
"""Kinds in the order in which they are taken: loans before rates before money before orders."""
MAX_BYTES = 512 * 1024 * 1024
"""A larger file is refused: send it in parts."""


@dataclass(frozen=True)
class LandingFile:
    """A file of the landing folder. `kind` and `business_date` come of its name."""

    path: Path
    file_id: str
    bytes: int
    kind: str | None
    business_date: dt.date | None


def address(path: Path) -> str:
    """SHA-256 of the content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scan(folder: Path) -> list[LandingFile]:
    """Every file of the landing folder, by kind, business date and name.

    Loans come first, whatever their date, so that money always finds its loan.
    """
    found = []
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        if not path.is_file() or path.name.startswith("."):
            continue
        kind, date = _named(path.name)
        found.append(LandingFile(path, address(path), path.stat().st_size, kind, date))
    order = {kind: place for place, kind in enumerate(KINDS)}
    latest = dt.date.max
    return sorted(
        found, key=lambda f: (order.get(f.kind or "", 9), f.business_date or latest, f.path.name)
    )


def _named(name: str) -> tuple[str | None, dt.date | None]:
    match = NAME.match(name)
    if match is None:
        return None, None
    try:
        return match["kind"], dt.date.fromisoformat(match["date"])
    except ValueError:
        return match["kind"], None
