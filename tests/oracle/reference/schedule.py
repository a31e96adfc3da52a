"""Rate factors, the level instalment and the agreed schedule."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle.reference.dates import DAY, moved, plain_due, year_fraction
from tests.oracle.reference.model import Rules, Terms
from tests.oracle.reference.numbers import root_less_one, rounded, to_multiple

ACTUAL = ("ACT/365F", "ACT/360", "ACT/364", "ACT/ACT", "30E/360")


@dataclass(frozen=True)
class Row:
    """One instalment as the schedule has it, minor units."""

    interest: int
    principal: int
    bears: int = 0  # interest of its period alone, asked or not


@dataclass
class Plan:
    """When instalments fall due and what their periods bear. `ends[k]` ends period k; `ends[0]` is the payout."""

    rules: Rules
    terms: Terms
    rate: Fraction = field(init=False)
    ends: list[dt.date] = field(init=False)

    until: list[tuple[dt.date, Fraction]] = field(default_factory=list)  # rates before changes
    pauses: list[tuple[dt.date, dt.date]] = field(
        default_factory=list
    )  # days, the nights before bear none

    def __post_init__(self) -> None:
        self.rate = self.terms.rate
        n = self.terms.instalments
        self.ends = [self.terms.disbursed_on] + [
            self._accrual_end(plain_due(self.terms, k)) for k in range(1, n + 1)
        ]

    @property
    def last(self) -> int:
        """Number of the last instalment."""
        return len(self.ends) - 1

    def business_day(self, day: dt.date) -> dt.date:
        """The date on a business day of the product's calendar."""
        schedule, calendar = self.rules.product.schedule, self.rules.calendar
        return moved(day, schedule.business_day, calendar.weekend, set(calendar.holidays))

    def _accrual_end(self, day: dt.date) -> dt.date:
        return self.business_day(day) if self.rules.product.schedule.adjust_accrual else day

    def end(self, k: int) -> dt.date:
        """Last day of period k; periods go on after maturity."""
        if k <= self.last:
            return self.ends[k]
        return self._accrual_end(plain_due(self.terms, k))

    def due_date(self, k: int) -> dt.date:
        """Due date of instalment k, on a business day."""
        return self.business_day(self.end(k))

    def days(self, k: int) -> int:
        """Nights of period k."""
        return (self.end(k) - self.end(k - 1)).days

    def _whole(self, rate: Fraction, odd: Fraction) -> Fraction:
        """What a whole period bears, by bases that do not count days, or an `odd` share of one."""
        schedule, terms = self.rules.product.schedule, self.terms
        every = terms.every
        if schedule.rate_basis == "30/360":
            days = {"months": 30 * every, "semi_monthly": 15 * every, "weeks": 7 * every,
                    "days": every}[terms.unit]  # fmt: skip
            return rate * days * odd / 360
        years = {"months": Fraction(every, 12), "semi_monthly": Fraction(every, 24),
                 "weeks": Fraction(every, 52), "days": Fraction(every, 365)}[terms.unit]  # fmt: skip
        if schedule.rate_basis == "effective":
            return root_less_one(rate, years * odd)
        return rate * years * odd

    def change_rate(self, on: dt.date, rate: Fraction) -> None:
        """Another rate for the nights from the day on."""
        self.until.append((on, self.rate))
        self.rate = rate

    def rate_from(self, day: dt.date) -> Fraction:
        """The rate of the night that begins on the day."""
        return next((rate for on, rate in self.until if day < on), self.rate)

    def factor(self, k: int, counted: bool = False) -> Fraction:
        """What period k bears, as a share of the balance: its stretches, each at its own rate. `counted`:
        as the level instalment has it, which is agreed on the dates that are counted, whatever holidays a
        calendar will have."""
        if k <= self.rules.product.schedule.grace_charged:
            return Fraction(0)
        start, end = self.end(k - 1), self.end(k)
        if counted:
            start, end = plain_due(self.terms, k - 1) if k > 1 else start, plain_due(self.terms, k)
        cuts = [start, *(on for on, _ in self.until if start < on < end), end]
        stretches = zip(cuts, cuts[1:], strict=False)
        factor = sum((self._bears(k, *each, (start, end)) for each in stretches), Fraction(0))
        if self.rules.product.schedule.rate_factor == "decimal_18":
            factor = Fraction(rounded(factor * 10**18), 10**18)
        return factor

    def _bears(
        self, k: int, one: dt.date, other: dt.date, period: tuple[dt.date, dt.date] | None = None
    ) -> Fraction:
        """What a stretch of period k bears."""
        basis, rate = self.rules.product.schedule.rate_basis, self.rate_from(one)
        if basis == "daily":
            return rate * (other - one).days
        if basis in ACTUAL:
            return rate * year_fraction(basis, one, other)
        start, end = period or (self.end(k - 1), self.end(k))
        share = Fraction((other - one).days, (end - start).days)
        return share * self._whole(rate, self._stub(start, end) if k == 1 else Fraction(1))

    def _stub(self, start: dt.date, end: dt.date) -> Fraction:
        """Share of a whole period that the first one bears: its days over those of the one that ends with it."""
        begins = plain_due(self.terms, 0)
        if begins == start or self.rules.product.schedule.stub == "whole_period":
            return Fraction(1)
        return Fraction((end - start).days, (end - begins).days)

    def night(self, day: dt.date, k: int) -> Fraction:
        """What the night before `day`, in period k, bears as a share of the balance."""
        rests = any(start <= day <= end for start, end in self.pauses)
        if rests or 0 < k <= self.rules.product.schedule.grace_charged:
            return Fraction(0)
        return self._bears(k, day - dt.timedelta(days=1), day)

    def weight(self, k: int) -> Fraction:
        """Share of the level instalment that instalment k asks: steps and seasons."""
        schedule = self.rules.product.schedule
        weight = Fraction(1)
        if schedule.step_up:
            steps = (k - 1) // schedule.step_up.every
            weight *= (1 + Fraction(schedule.step_up.percent) / 100) ** steps
        if schedule.season:
            weight *= Fraction(schedule.season[plain_due(self.terms, k).month - 1])
        return weight

    def even(self, balance: int, first: int, balloon: int) -> int:
        """The equal part of principal of each instalment from `first` on, minor units."""
        schedule = self.rules.product.schedule
        parts = max(1, self.last - max(first - 1, schedule.grace_principal))
        return rounded(Fraction(balance - balloon, parts), schedule.instalment_rounding)

    def rest_of(self, k: int, day: dt.date) -> Fraction:
        """What the nights of period k from the day on bear, as a share of the balance."""
        nights = (self.end(k) - day).days
        return sum((self.night(day + n * DAY, k) for n in range(1, nights + 1)), Fraction(0))

    def level(self, balance: int, first: int, balloon: int, running: Fraction | None = None) -> int:
        """The instalment that pays `balance` from instalment `first` on, down to the balloon, in minor
        units. `running`: interest that the first of them asks, where its period has begun, exact."""
        schedule = self.rules.product.schedule
        grown, unit = Fraction(balance), Fraction(0)
        for k in range(first, self.last + 1):
            if k <= schedule.grace_principal:
                continue  # it asks its interest: the balance stays
            factor = self.factor(k, counted=True)
            bears = grown * factor if running is None or k > first else running
            grown += bears
            unit = unit * (1 + factor) + self.weight(k)
        exact = (grown - balloon) / unit
        amount = rounded(exact, schedule.instalment_rounding)
        if schedule.instalment_multiple > 1:
            whole = to_multiple(amount, schedule.instalment_multiple, schedule.instalment_rounding)
            amount = whole or amount  # below half a multiple nothing would be paid
        return self._smoothed(amount, balance, first, balloon)

    def _smoothed(self, amount: int, balance: int, first: int, balloon: int) -> int:
        """The level instalment, moved so that the last one differs less from it: up to three rounds."""
        if not self.rules.product.schedule.smooth_last_instalment:
            return amount
        count = self.last - first + 1

        def gap(of: int) -> int:
            rows = self.rows(balance, first, balloon, of, counted=True)
            return rows[-1].interest + rows[-1].principal - balloon - self.asked(self.last, of)

        for _ in range(3):
            difference = gap(amount)
            if abs(difference) <= count // 2:
                break
            schedule = self.rules.product.schedule
            better = amount + rounded(Fraction(difference, count))
            if schedule.instalment_multiple > 1:
                better = to_multiple(better, schedule.instalment_multiple, "half_even")
            if abs(gap(better)) >= abs(difference):
                break
            amount = better
        return amount

    def asked(self, k: int, emi: int) -> int:
        """What instalment k asks: the level instalment by its weight."""
        schedule = self.rules.product.schedule
        if not (schedule.season or schedule.step_up):
            return emi
        asked = rounded(emi * self.weight(k), schedule.instalment_rounding)
        return to_multiple(asked, schedule.instalment_multiple, schedule.instalment_rounding)

    def rows(
        self, balance: int, first: int, balloon: int, emi: int, counted: bool = False
    ) -> list[Row]:
        """Instalments from `first` to the last, as the schedule alone has them."""
        schedule = self.rules.product.schedule
        even = self.even(balance, first, balloon)
        made: list[Row] = []
        carried = 0
        for k in range(first, self.last + 1):
            exact = balance * self.factor(k, counted)
            bears = rounded(exact, schedule.interest_rounding)
            interest, carried = bears + carried, 0
            if k == self.last:
                principal = balance
            elif schedule.amortisation == "interest_only" or k <= schedule.grace_principal:
                principal = 0
            elif schedule.amortisation == "equal_principal":
                principal = min(even, balance)
            else:
                asks = self.asked(k, emi)
                principal = min(asks - interest, balance)
                if principal < 0:
                    carried, interest, principal = interest - asks, asks, 0
            made.append(Row(interest, principal, bears))
            balance -= principal
        return made

    def flat_rows(self, balance: int) -> list[Row]:
        """A flat loan's instalments: interest of the whole life on what was first lent, spread evenly."""
        schedule, n = self.rules.product.schedule, self.last
        share = sum((self.factor(k) for k in range(1, n + 1)), Fraction(0))
        whole = rounded(balance * share, schedule.interest_rounding)
        interest = rounded(Fraction(whole, n), schedule.interest_rounding)
        principal = rounded(Fraction(balance, n), schedule.instalment_rounding)
        if schedule.instalment_multiple > 1:
            mode = schedule.instalment_rounding
            level = rounded(Fraction(balance + whole, n), mode)
            level = to_multiple(level, schedule.instalment_multiple, mode)
            principal = level - interest
        rows = [Row(interest, principal, interest)] * (n - 1)
        last = whole - interest * (n - 1)
        return [*rows, Row(last, balance - principal * (n - 1), last)]
