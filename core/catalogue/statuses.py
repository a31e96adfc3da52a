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


class Flag(IntEnum):
    """What is known of a borrower, one bit each: its words, and whether income stops with it."""

    _value_: int
    words: str
    stops_income: bool

    def __new__(cls, bit: int, words: str, stops_income: bool = False) -> Flag:
        """The member of a bit, with what it means."""
        made = int.__new__(cls, bit)
        made._value_, made.words, made.stops_income = bit, words, stops_income
        return made

    bankruptcy = 1, "bankrupt: a loan is in non-accrual", True
    deceased = 2, "deceased"
    active_duty = 4, "on active duty: a ceiling by law may bind the rate"
    fraud = 8, "fraud: a loan is in non-accrual", True
