"""Types of risk events: one row a type, with all that is a fact of it. Nothing else is published.

A new one is a row here and an expression in `loanbook.core.risk_events.state`. Codes are stored: append only. A change of
what a type's events say that old subscribers can't read is a new type (its name with the next version), beside the old
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from loanbook.core.catalogue.contacts import ANSWERED_BY
from loanbook.core.catalogue.statuses import Flag, Status


class Cause(IntEnum):
    """What made a change."""

    event = 0
    time = 1
    policy = 2
    opening = 3
    withdrawal = 4
    correction = 5
    notice = 6


CAUSES = {
    Cause.event: "something came for the loan: its `events` are named",
    Cause.time: "a day passed: something fell due, or is late by another day",
    Cause.policy: "a policy came into force: the same days are in another bucket",
    Cause.opening: "the ledger told no events yet: the state is told as it stands",
    Cause.notice: "the borrower, or who speaks for them, gave notice, or it was answered",
    Cause.correction: "what had been told is none: `news` came late, and nothing changed on the date",
    Cause.withdrawal: "a version was taken back: what it had told is undone",
}
"""What each cause means."""


@dataclass(frozen=True)
class RiskEvent:
    """A type of event: what changed."""

    code: int
    name: str
    column: str
    """Of the state (`loanbook.core.risk_events.state.STATES`)."""
    words: str
    says: str
    """What `before` and `now` are."""
    default: int | None
    """State of a loan of which no event of the type was ever told; None: it is not in the book."""
    schema: Mapping[str, Any]
    """JSON schema of `before` and `now`."""
    example: tuple[int | None, int]
    names: Mapping[int, str] | None = None
    """Codes that are told by a name."""
    bits: Mapping[int, str] | None = None
    """Bits that are told as a list of names."""
    boolean: bool = False
    of_positions: bool = True
    """Told of what positions and terms say; else of what was taken in beside them, and never told anew of a day."""
    version: int = 1

    @property
    def type(self) -> str:
        """The CloudEvents attribute `type`."""
        return f"loanbook.risk.{self.name}"

    @property
    def dataschema(self) -> str:
        """The CloudEvents attribute `dataschema`."""
        return f"urn:loanbook:risk-event:{self.name}:{self.version}"


_COUNT = {"type": "integer", "minimum": 0}
_STATUSES = {member.value: member.name for member in Status}
_FLAGS = {member.value: member.name for member in Flag}
STANDING_NOTICES = {
    1: "stop",
    2: "attorney",
    4: "bankruptcy",
    8: "dispute",
    16: "hardship",
    32: "complaint",
    64: "legal",
    128: "placed",
    256: "skip_trace",
}
"""Notices, legal action and placements that stand until another ends them, one bit each. Append only: bits are stored."""
ENDED_BY = {"stop": "stop_withdrawn"} | ANSWERED_BY | {"legal": "legal_ended", "placed": "recalled"}


def _names(of: Mapping[int, str]) -> dict[str, Any]:
    """JSON schema of a list of names."""
    return {"type": "array", "items": {"enum": [*of.values()]}, "uniqueItems": True}


RISK_EVENTS = (
    RiskEvent(
        0, "StatusChanged", "status", "A loan enters the book, or its state changes",
        "the state; `before` is null where the loan was not in the book", None,
        {"enum": [None, *_STATUSES.values()]}, (None, Status.active.value), names=_STATUSES,
    ),
    RiskEvent(
        1, "DaysPastDueChanged", "days_past_due", "The days change that a loan is past due, by its product's rule",
        "days", 0, _COUNT, (30, 31),
    ),
    RiskEvent(
        2, "BucketChanged", "bucket", "A loan is in another range of days past due",
        "the range's place in the bucket file that is in force, from 0", 0, _COUNT, (1, 2),
    ),
    RiskEvent(
        3, "StageChanged", "stage", "A loan is in another stage of IFRS 9, by the backstops of 30 and 90 days past due, "
        "charge-off and non-accrual", "the stage", 1, {"enum": [1, 2, 3]}, (1, 2),
    ),
    RiskEvent(
        4, "NonAccrualChanged", "non_accrual", "Interest is no income until it is received, or is again",
        "whether it is in non-accrual", 0, {"type": "boolean"}, (0, 1), boolean=True,
    ),
    RiskEvent(
        5, "FlagsChanged", "flags", "What is known of the borrower changes",
        "the flags that stand", 0, _names(_FLAGS), (0, Flag.deceased.value), bits=_FLAGS,
    ),
    RiskEvent(
        6, "NoticesChanged", "notices", "A borrower's notice that may hold contact stands, or was answered or taken back, and so "
        "legal action and placement with an agency; told on the day on which it becomes known", "the notices that stand", 0, _names(STANDING_NOTICES), (0, 2),
        bits=STANDING_NOTICES, of_positions=False,
    ),
)  # fmt: skip
BY_COLUMN = {each.column: each for each in RISK_EVENTS}
BY_CODE = {each.code: each for each in RISK_EVENTS}
