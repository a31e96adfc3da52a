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
    rows: dict[int, Row] = field(default_factory=dict)
    earned: Fraction = Fraction(0)  # interest of the running period, exact
    carried: int = 0  # interest that earlier instalments did not ask
    ahead: dict[int, list[int]] = field(default_factory=dict)  # interest, principal paid in advance
    interest_stopped: bool = False
    charged_off: bool = False
    written_off: bool = False
    recoverable: int = 0  # given up by a write-off, and not recovered since

    @property
    def daily(self) -> bool:
        """Interest follows the balance."""
        return self.rules.product.interest.accrual == "daily"

    @property
    def matured(self) -> bool:
        """The last instalment was billed."""
        return self.next > self.plan.last

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
        mode = self.rules.product.schedule.interest_rounding
        return rounded(self.earned, mode) + self.carried - self.stands(0)

    @property
    def claim(self) -> int:
        """All that is owed on the day, before credit."""
        return self.principal + self.accrued + sum(
            d.open for d in self.dues if d.component != "principal"
        )  # fmt: skip

    @property
    def prepaid(self) -> int:
        """Money that stands with instalments to come."""
        asked_early = sum(d.paid - d.held for d in self.dues if d.early)
        return self.stands(0) + self.stands(1) + asked_early

    def pass_night(self, day: dt.date) -> None:
        """Interest of the night before `day`, on the balance of the day before."""
        rules = self.rules.product.interest
        if self.interest_stopped or not (self.principal or self.rows):
            return
        if self.matured and (not self.daily or rules.post_maturity == "none"):
            return
        if self.daily:
            self.earned += self.bearing(day) * self.plan.night(day, self.next)
        else:
            self.earned += Fraction(self.rows[self.next].interest, self.plan.days(self.next))

    def bearing(self, day: dt.date) -> int:
        """The balance that bears interest in the night before `day`."""
        if self.rules.product.interest.overdue_principal == "bears_interest":
            return self.principal
        late = sum(d.open for d in self.dues if d.component == "principal" and d.due_date < day)
        return self.principal - late

    def bill(self, day: dt.date) -> None:
        """Ask for every instalment whose period ends on the day."""
        while self.plan.end(self.next) <= day:
            if self.matured:
                self._bill_after_maturity()
            elif self.daily:
                self._bill_daily()
            else:
                self._bill_scheduled()
            self.next += 1

    def ask(self, no: int, component: str, on: dt.date, amount: int, paid: int = 0) -> None:
        """A due; nothing, where nothing is asked."""
        there = [d for d in self.dues if (d.no, d.component, d.due_date) == (no, component, on)]
        if amount and there and there[0].open:
            there[0].amount += amount
        elif amount:
            self.dues.append(Due(no, component, on, amount, paid))

    def _bill_scheduled(self) -> None:
        k, row = self.next, self.rows[self.next]
        interest, principal = self.ahead.pop(k, [0, 0])
        on = self.plan.due_date(k)
        self.earned = Fraction(0)
        self.ask(k, "interest", on, row.interest, interest)
        back = [d for d in self.dues if d.early and d.no == k]
        for due in back:
            self.dues.remove(due)
        self.ask(k, "principal", on, row.principal + sum(d.open for d in back), principal)

    def _bill_after_maturity(self) -> None:
        """Interest goes on being asked, a period at a time."""
        interest = self._whole_interest() + self.carried
        self.carried = 0
        paid, _ = self.ahead.pop(self.next, [0, 0])
        self.ask(self.next, "interest", self.plan.due_date(self.next), interest, paid)

    def _whole_interest(self) -> int:
        """Interest of the period that ends, rounded once; the fraction is dropped or carried."""
        fresh = rounded(self.earned, self.rules.product.schedule.interest_rounding)
        carries = self.rules.product.interest.residue == "carry"
        self.earned = self.earned - fresh if carries else Fraction(0)
        return fresh

    def asks(self, k: int) -> int | None:
        """What instalment k asks in all; None: whatever is left, or its interest and a part."""
        level = self.rules.product.schedule.amortisation == "equal_instalment"
        if k >= self.plan.last or not level or k <= self.rules.product.schedule.grace_principal:
            return None
        return self.plan.asked(k, self.emi)

    def _bill_daily(self) -> None:
        k, schedule = self.next, self.rules.product.schedule
        fresh = self._whole_interest()
        paid, met = self.ahead.pop(k, [0, 0])
        left = self.unbilled + met
        interest, self.carried = fresh + self.carried, 0
        asks = self.asks(k)
        if k == self.plan.last:
            principal = left
        elif asks is None:
            part = self.emi if schedule.amortisation == "equal_principal" else 0
            principal = 0 if k <= schedule.grace_principal else min(part, left)
        else:
            interest, principal = self._shared(asks, interest, paid, met, left)
        back = [d for d in self.dues if d.early and d.no == k]
        principal = min(principal + sum(d.open for d in back), left)
        for due in back:
            self.dues.remove(due)
        on = self.plan.due_date(k)
        self.ask(k, "interest", on, interest, paid)
        self.ask(k, "principal", on, principal, min(met, principal))

    def _shared(self, asks: int, interest: int, paid: int, met: int, left: int) -> tuple[int, int]:
        """A level instalment: its interest, the rest principal; paid in advance, it asks no more."""
        if paid + met >= asks:  # later nights are the next one's
            billed, principal = paid, met
        elif asks - interest < met:
            billed, principal = asks - met, met
        else:
            billed, principal = min(interest, asks), min(max(asks - interest, 0), left)
        if billed < interest:
            if self.rules.product.schedule.shortfall == "carry" or billed != asks:
                self.carried = interest - billed
            else:
                self.principal += interest - billed
        return billed, principal

    def late_since(self, day: dt.date) -> dt.date | None:
        """Due date of the oldest instalment that is unpaid beyond tolerance."""
        rule = self.rules.delinquency
        counts = [d for d in self.dues if d.component in rule.components]
        last = day if rule.convention == "rbi" else day - dt.timedelta(days=1)
        for on in sorted({d.due_date for d in counts if d.open and d.due_date <= last}):
            there = [d for d in counts if d.due_date == on]
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
