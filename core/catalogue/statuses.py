"""States of a loan at the end of a day, and what is known of its borrower."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """State of a loan at the end of a day."""

    active = 0
    closed = 1
    overpaid = 2
    charged_off = 3
    written_off = 4
    settled = 5


ENDED = [Status.closed.value, Status.written_off.value, Status.settled.value]
"""States in which a loan leaves the book the day after."""
GIVEN_UP = [Status.written_off.value, Status.settled.value]
"""Ended with a claim that was extinguished."""
COMES_BACK = [Status.closed.value, Status.settled.value]
"""Ended, and in the book again when money moves for the loan."""


class Flag(IntEnum):
    """What is known of a borrower, one bit each."""

    bankruptcy = 1
    deceased = 2
    active_duty = 4
    fraud = 8
