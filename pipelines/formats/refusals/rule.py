"""A rule of quarantine, as people are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal[
    "any file",
    "loan_tape",
    "payments",
    "commands",
    "index",
    "bank",
    "assignments",
    "collected",
    "orders",
    "applications",
    "bureau",
    "consents",
    "kyc",
    "bank_data",
    "persons",
    "applicant_documents",
    "sanctions",
    "contacts",
    "contact_preferences",
    "promises",
    "notices",
    "legal_steps",
    "placements",
]


@dataclass(frozen=True)
class RefusalRule:
    """A rule of quarantine, as people are told of it."""

    name: str
    meaning: str
    remedy: str
    cells: tuple[str, ...] = ()
    """Fields whose text is quoted in `found`; none: the reference or the key of the row."""
    expected: str = ""
    """Form of a right value, told beside what was found."""


AMOUNT = "write it as 7500.25: digits on both sides of the point (0.50, not .50), no plus sign, no zero before the first digit; or, of a file with a mapping, say under its `amounts` how the file writes them"
DATE = "mend the date, or `date_format` of the mapping"
BOUND = "mend the row, or widen `bounds` in a new version of the product"


def rule(name: str, meaning: str, remedy: str, *cells: str, expected: str = "") -> RefusalRule:
    """A rule: its name, what it means, what to do, the cells that are quoted."""
    return RefusalRule(name, meaning, remedy, cells, expected)


Groups = dict[Where, tuple[RefusalRule, ...]]
"""Rules of a room by where they first apply."""
