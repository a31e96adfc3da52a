"""What the reference is told of a loan, and what it tells."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from loanbook.core.policy.models import Delinquency, HolidayCalendar, LateFee, Tax, Waterfall
from loanbook.core.policy.product import Product

COMPONENTS = ("principal", "interest", "fee", "penalty", "tax")


@dataclass(frozen=True)
class Terms:
    """What was agreed. Money in minor units; the rate is a fraction a year."""

    principal: int
    rate: Fraction
    instalments: int
    every: int
    unit: str
    disbursed_on: dt.date
    first_due_date: dt.date
    anchor_day: int
    second_anchor_day: int = 1
    end_of_month: bool = False
    balloon: int = 0
    emi: int | None = None
    anchor_since_second: int | None = None  # the first due date is on another day of the month


@dataclass(frozen=True)
class Event:
    """Something that happens to a loan: what, valued when, known from when."""

    kind: str
    value_date: dt.date
    amount: int = 0
    ref: str = ""
    booked: dt.date | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> dt.date:
        """The date whose close takes it in."""
        return max(self.booked or self.value_date, self.value_date)


@dataclass(frozen=True)
class Rules:
    """A product and the policies that it names."""

    product: Product
    waterfalls: dict[str, Waterfall]
    delinquency: Delinquency
    late_fee: LateFee | None
    tax: Tax | None
    calendar: HolidayCalendar


@dataclass
class Due:
    """One component of one instalment. Money in minor units."""

    no: int
    component: str
    due_date: dt.date
    amount: int
    paid: int = 0
    fee_assessed: bool = False
    early: bool = False  # asked before its instalment is billed
    held: int = 0  # of what is paid, that stood with the instalment before
    gone: bool = False  # it was paid on a day before

    @property
    def open(self) -> int:
        """What is unpaid of it."""
        return self.amount - self.paid


@dataclass(frozen=True)
class Day:
    """The state of a loan at the end of a day."""

    date: dt.date
    status: str
    principal: int
    principal_due: int
    interest_accrued: int
    interest_due: int
    fees_due: int
    penalties_due: int
    taxes_due: int
    credit: int
    prepaid: int
    days_past_due: int
    oldest_due_date: dt.date | None
    instalment_no: int
    dues: tuple[tuple[int, str, dt.date, int, int], ...]
