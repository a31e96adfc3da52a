"""The landing folder: files as they came, known by their content."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

from loanbook.pipelines.formats.registry import BY_NAME, PLACE, dated, recognised

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
    refusal: str = ""
    """Why it is not read, whatever it holds; empty: it is."""

    @property
    def mapping(self) -> str:
        """The mapping that the name ends with; empty if with none."""
        return BY_NAME[self.kind].mapping_of(self.path.stem) if self.kind else ""


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
        if path.name.startswith("."):
            continue
        if path.is_symlink():
            found.append(_link(path))
            continue
        if not path.is_file():
            continue
        kind, date = dated(path.name)
        found.append(LandingFile(path, address(path), path.stat().st_size, kind, date))
    latest = dt.date.max
    return sorted(
        found,
        key=lambda f: (PLACE.get(f.kind or "", len(PLACE)), f.business_date or latest, f.path.name),
    )


def _link(path: Path) -> LandingFile:
    """A link is not followed: what it points to was not landed."""
    name = hashlib.sha256(f"link {path.name}".encode()).hexdigest()
    return LandingFile(
        path, name, 0, None, None, "a link, which is not followed; land the file itself"
    )


def landed_dates(folder: Path) -> list[str]:
    """Dates that the names of the landing folder tell, as text, sorted; no file is read."""
    paths = folder.rglob("*") if folder.exists() else ()
    return sorted(found[1] for path in paths if (found := recognised(path.name)))
