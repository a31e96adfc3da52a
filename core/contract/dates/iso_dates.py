"""ISO dates as text: the one form in which people and files write a date, unless a mapping has another."""

from __future__ import annotations

import datetime as dt
import re

ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
"""A date with all its digits, as 2018-06-30; ISO 8601's other forms are none."""


def from_iso(text: str) -> dt.date:
    """The date that a text names. Raises ValueError where it is none, or is written otherwise."""
    if not re.match(ISO, text, re.ASCII):
        raise ValueError(f"{text!r} is no date; write it like 2018-06-30")
    return dt.date.fromisoformat(text)
