"""How days past due are counted, one row a convention; a delinquency policy names one.

What is shown beside the count of the policy stands in `loanbook.core.servicing.arrears.conventions`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counting:
    """A convention: the day that the count begins with."""

    name: str
    from_due_day: int
    """What the due date itself counts: 0, or 1."""
    source: str


COUNTING = {
    each.name: each
    for each in (
        Counting("days_after_due", 0, "the due date is day 0, as US servicers and the EBA count"),
        Counting("rbi", 1, "the due date is day 1: RBI/2021-2022/125 of 12 November 2021"),
    )
}
"""Conventions by the name that a policy gives."""
