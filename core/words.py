"""Words for people: how many of a thing there are."""

from __future__ import annotations


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 day`, `2 days`, `1,200 rows`, `2 entries`: a number with its thing; `things`: its plural, where that has more
    than an s."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
