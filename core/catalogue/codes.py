"""Small-integer codes of everything stored. Append only: a number never changes its meaning.

Those of events stand in `loanbook.core.catalogue.events`, those of loans in
`loanbook.core.catalogue.statuses`; this front gives them too.
"""

from __future__ import annotations

from enum import IntEnum

import polars as pl

from loanbook.core.catalogue.events import (
    CHANGES,
    EVENT_KINDS,
    KINDS_A_PRODUCT,
    MONEY_IN,
    REFUNDS,
    REVERSIBLE,
)
from loanbook.core.catalogue.kinds import Kind, MoratoriumInterest
from loanbook.core.catalogue.statuses import ENDED, GIVEN_UP, Flag, Status

__all__ = [
    "CHANGES", "ENDED", "EVENT_KINDS", "GIVEN_UP", "KINDS_A_PRODUCT", "MONEY_IN",
    "REFUNDS", "REVERSIBLE", "AfterChargeOff", "CreditUse", "EventState", "Excess",
    "Flag", "InterestMode", "Kind", "MoratoriumInterest", "NonAccrual", "Rebate", "Status",
    "Timing", "label",
]  # fmt: skip


class Timing(IntEnum):
    """Where a due stands against the value date of the money that meets it."""

    past_due = 0
    due = 1
    in_advance = 2
    given_up = 3  # none stood any more: the claim had been written off


class InterestMode(IntEnum):
    """`scheduled`: fixed by the schedule. `daily`: earned on the actual principal."""

    scheduled = 0
    daily = 1


class Excess(IntEnum):
    """Where money goes that is beyond what is due, and what the next due date then asks."""

    next_instalment = 0  # paid ahead: so much less, nothing where it covers it
    next_then_principal = 1  # the next one first, then the balance: nothing where it covers it
    last_instalment = 2  # the last ones first: all of it
    spread = 3  # a share less of each
    next_then_last = 4  # the next one, then from the end: nothing where it covers it
    curtailment = 5  # the balance: all of it, and the loan ends sooner
    recast = 6  # interest to the day, then the balance: a lower level instalment, to the same end
    # the running instalment, as its principal: what it asks beside that; beyond it as named
    running_then_recast = 7
    running_then_curtailment = 8
    running_then_next = 9


RUNNING_TAKES_ALL = (
    Excess.running_then_recast,
    Excess.running_then_curtailment,
    Excess.running_then_next,
)
"""Rules by which the running instalment takes all money beyond what is due, as principal."""


class AfterChargeOff(IntEnum):
    """What becomes of the contract of a charged-off loan; the claim lives on in each."""

    regular = 0  # billed and bearing interest as agreed, off the books
    zero_interest = 1  # billed, with no more interest
    accelerate_maturity = 2  # the whole claim is due at once, with no more interest


class Rebate(IntEnum):
    """What a payoff between due dates asks of the interest to come."""

    none = 0  # scheduled: all of it
    actuarial = 1  # none of it: interest to the day
    full_period = 2  # daily: that of the running period, to its end
    rule_of_78 = 3  # scheduled: all of it, less the sum of the digits


class CreditUse(IntEnum):
    """What the borrower's credit pays."""

    hold = 0  # nothing
    next_due = 1  # dues, on their day
    payouts = 2  # those, and what a further payout lends


class NonAccrual(IntEnum):
    """What becomes of the interest of a loan in non-accrual."""

    none = 0  # the product has none
    reverse_to_memo = 1  # no income, and no receivable either: memorandum
    suspense = 2  # the receivable stays, with a suspense against it


class EventState(IntEnum):
    """How an event came: in time, or after its value date was closed (it restates)."""

    accepted = 0
    late = 1


def label(column: str, kind: type[IntEnum]) -> pl.Expr:
    """The name of a code column, for people."""
    return pl.col(column).replace_strict(
        {member.value: member.name for member in kind}, return_dtype=pl.String, default=None
    )
