"""Words for people: how many of a thing there are."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 day`, `2 days`, `1,200 rows`: a number with its thing, which has a plural in s."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
