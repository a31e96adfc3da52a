"""What people write down of a late loan, as rows of a file to land."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def referenced(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Rows of a file, each with its own `reference`, else one of its content: the same, written down twice, is one."""
    return [row | {"reference": row.get("reference") or _of_content(row)} for row in rows]


def _of_content(row: dict[str, str]) -> str:
    told = row | {"reference": ""}
    content = "\x1f".join(f"{name}={told[name]}" for name in sorted(told))
    return hashlib.sha256(content.encode()).hexdigest()[:20]
