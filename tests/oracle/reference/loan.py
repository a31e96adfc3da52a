"""What is held of a loan from day to day: what it earned, what it asks, since when it is late."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle.reference.model import Due, Rules, Terms
from tests.oracle.reference.numbers import PPB, rounded
from tests.oracle.reference.schedule import Plan, Row


@dataclass
class Loan:
    """A loan on a date. Money in minor units; `earned` is exact."""

    rules: Rules
    terms: Terms
    plan: Plan
    status: str = "active"
    principal: int = 0
    credit: int = 0
    dues: list[Due] = field(default_factory=list)
    next: int = 1
    emi: int = 0
    later: tuple[int, int] | None = None  # from which instalment on another level is asked, and it
    rows: dict[int, Row] = field(default_factory=dict)
    earned: Fraction = Fraction(0)  # interest of the running period, exact
    carried: int = 0  # interest that earlier instalments did not ask
    ahead: dict[int, list[int]] = field(default_factory=dict)  # interest, principal paid in advance
    interest_stopped: bool = False
    charged_off: bool = False
    written_off: bool = False
    recoverable: int = 0  # given up by a write-off, and not recovered since
    paid_out: bool = False
    planned: int = 0  # principal to come, had all been paid on its day
    planned_earned: Fraction = Fraction(0)
    planned_carried: int = 0
    taxed: dict[int, int] = field(default_factory=dict)  # interest taxed before its billing
    taxed_before: int = 0  # interest that is asked anew: what is asked first bears no tax up to it
    penal: Fraction = Fraction(0)  # what overdue money bore and was not asked, exact
    penal_base: int = 0  # overdue at the end of the day before
    fixed: bool = False  # a re-age fixed the interest: the schedule stands whole from then on
    waits: str | None = None  # what becomes of interest while a moratorium passes instalments over

    @property
    def daily(self) -> bool:
        """Interest follows the balance."""
        return self.rules.product.interest.accrual == "daily" and not self.fixed

    @property
    def matured(self) -> bool:
        """The last instalment was billed."""
        return self.next > self.plan.last

    @property
    def bills_on(self) -> dt.date:
        """The day on which the running instalment is billed: its period ends, or, of a schedule that stands whole, which
        has no period after its last one, it falls due."""
        if not self.fixed:
            return self.plan.end(self.next)
        return dt.date.max if self.matured else self.plan.due_date(self.next)

    def level(self, k: int) -> int:
        """What instalment k asks where all are level: another level from a later instalment on."""
        return self.later[1] if self.later and k >= self.later[0] else self.emi

    def open(self, component: str) -> int:
        """What is billed and unpaid of a component."""
        return sum(d.open for d in self.dues if d.component == component and not d.early)

    @property
    def unbilled(self) -> int:
        """Principal that is owed and that no instalment asked yet."""
        return self.principal - self.open("principal")

    def stands(self, place: int) -> int:
        """Interest (0) or principal (1) paid in advance of its instalment."""
        return sum(part[place] for part in self.ahead.values())

    @property
    def accrued(self) -> int:
        """Interest earned and not billed; below zero: paid before it was earned."""
        return self.fresh + self.carried - self.stands(0) + self.in_parts

    @property
    def in_parts(self) -> int:
        """Interest of arrears that instalments to come ask in parts."""
        return sum(d.open for d in self.dues if d.early and d.component == "interest")

    @property
    def met_of_parts(self) -> dict[int, int]:
        """What was paid of such parts, by instalment."""
        parts = (d for d in self.dues if d.early and d.component == "interest" and d.paid)
        return {d.no: d.paid for d in parts}

    @property
    def claim(self) -> int:
        """All that is owed on the day, before credit."""
        return self.principal + self.accrued + sum(
            d.open for d in self.dues if d.component != "principal" and not d.early
        )  # fmt: skip

    @property
    def prepaid(self) -> int:
        """Money that stands with instalments to come."""
        asked_early = sum(d.paid - d.held for d in self.dues if d.early)
        return self.stands(0) + self.stands(1) + asked_early

    @property
    def fresh(self) -> int:
        """Interest of the running period to the day. What waits is one amount with it, rounded once, and so is what
        instalments to come ask in parts, paid or not."""
        mode = self.rules.product.schedule.interest_rounding
        parts = (d.amount for d in self.dues if d.early and d.component == "interest")
        waits = self.carried + sum(parts)
        return rounded(self.earned + waits, mode) - waits

    def pass_night(self, day: dt.date) -> None:
        """Interest of the night before `day`, on the balance of the day before."""
        rules = self.rules.product.interest
        if self.interest_stopped or not (self.principal or self.rows):
            return
        if self.matured and (not self.daily or rules.post_maturity == "none"):
            return
        if self.matured and not self.fixed and day <= self.plan.due_date(self.plan.last):
            return  # a calendar moves the last due date; the last period is over
        if self.waits == "none":
            return
        if self.daily:
            night = self.plan.night(day, self.next)
            self.earned += self.bearing(day) * night
            self.planned_earned += self.planned * night
        else:
            self.earned += Fraction(self.rows[self.next].bears, self.plan.days(self.next))

    def bearing(self, day: dt.date) -> int:
        """The balance that bears interest in the night before `day`."""
        if self.rules.product.interest.overdue_principal == "bears_interest":
            return self.principal
        late = sum(d.open for d in self.dues if d.component == "principal" and d.due_date < day)
        return self.principal - late

    def ask(self, no: int, component: str, on: dt.date, amount: int, paid: int = 0) -> None:
        """A component of an instalment is one due to the end of the day on which it is paid, on the date
        that it was given last; nothing, where nothing is asked."""
        there = [
            d
            for d in self.dues
            if (d.no, d.component, d.early) == (no, component, False) and not d.gone
        ]
        if amount and there:
            there[0].due_date = on
            there[0].amount += amount
            there[0].paid += paid
        elif amount:
            self.dues.append(Due(no, component, on, amount, paid))

    def leaves(self, due: Due, day: dt.date) -> bool:
        """Whether a due stands no more: it has fallen due and is paid, and with it all of an instalment whose arrears are
        counted as a share of all that it asked."""
        of_it = (
            [d for d in self.dues if d.no == due.no]
            if self.rules.delinquency.tolerance_ppb
            else [due]
        )
        return not any(d.open or d.due_date > day for d in of_it)

    def late_since(self, day: dt.date) -> dt.date | None:
        """Due date of the oldest instalment that is unpaid beyond tolerance."""
        rule = self.rules.delinquency
        counts = [d for d in self.dues if d.component in rule.components]
        last = day if rule.convention == "rbi" else day - dt.timedelta(days=1)
        for on, no in sorted({(d.due_date, d.no) for d in counts if d.open and d.due_date <= last}):
            there = [d for d in counts if (d.due_date, d.no) == (on, no)]
            unpaid, asked = sum(d.open for d in there), sum(d.amount for d in there)
            if unpaid > max(rule.tolerance_minor, Fraction(asked * rule.tolerance_ppb, PPB)):
                return on
        return None

    def days_past_due(self, day: dt.date) -> int:
        """Days past due at the end of the day, by the product's convention."""
        since = self.late_since(day)
        if since is None:
            return 0
        return (day - since).days + (1 if self.rules.delinquency.convention == "rbi" else 0)
