"""Field 86 of a statement: free text, numbered parts (`?20`), or code words (`/EREF/`, `EREF+`)."""

from __future__ import annotations

import re
from typing import Any

PART = re.compile(r"\?([0-9]{2})")
PLUS = re.compile(r"\b(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC)\+")
SLASH = re.compile(
    r"/(EREF|PREF|MARF|CSID|BENM|ORDP|NAME|REMI|IBAN|BIC|ADDR|ISDT|TRTP|TRCD|CNTP|USTD|ID|RTRN)/"
)
PURPOSE = [*range(20, 30), *range(60, 64)]
"""Numbered parts that hold what the payer wrote."""


def remittance(lines: list[str]) -> dict[str, Any]:
    """Columns of an entry that its text tells: references, the other side, and the text itself."""
    whole = "".join(lines)
    if PART.search(whole):
        return _numbered(whole)
    plain = " ".join(line.strip() for line in lines if line.strip())
    words = _words(SLASH, whole) or _words(PLUS, plain)
    return _told(words, plain)


def _numbered(text: str) -> dict[str, Any]:
    pieces = PART.split(text)
    parts: dict[int, str] = {}
    for number, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        parts[int(number)] = parts.get(int(number), "") + piece
    purpose = "".join(parts.get(n, "") for n in PURPOSE).strip()
    told = _told(_words(PLUS, purpose), purpose)
    name = (parts.get(32, "") + parts.get(33, "")).strip()
    return told | {
        "counterparty": name or None,
        "counterparty_account": parts.get(31, "").strip() or None,
        "counterparty_bank": parts.get(30, "").strip() or None,
    }


def _words(pattern: re.Pattern[str], text: str) -> dict[str, str]:
    """What stands behind each code word, up to the next."""
    pieces = pattern.split(text)
    found: dict[str, str] = {}
    for word, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(word, piece.strip(" /"))
    return found


def _told(words: dict[str, str], text: str) -> dict[str, Any]:
    return {
        "end_to_end_id": words.get("EREF") or None,
        "mandate": words.get("MREF") or words.get("MARF") or None,
        "counterparty": words.get("NAME") or words.get("ABWA") or None,
        "counterparty_account": words.get("IBAN") or None,
        "counterparty_bank": words.get("BIC") or None,
        "remittance": words.get("SVWZ") or words.get("REMI") or text or None,
    }
