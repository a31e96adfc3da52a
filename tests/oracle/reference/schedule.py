"""Rate factors, the level instalment and the agreed schedule."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tests.oracle.reference.dates import DAY, clipped, moved, plain_due, year_fraction
from tests.oracle.reference.model import Rules, Terms
from tests.oracle.reference.numbers import root_less_one, rounded, to_multiple

ACTUAL = ("ACT/365F", "ACT/360", "ACT/364", "ACT/ACT", "30E/360")


@dataclass(frozen=True)
class Row:
    """One instalment as the schedule has it, minor units."""

    interest: int
    principal: int
    bears: int = 0  # interest of its period alone, asked or not


@dataclass(frozen=True)
class Era:
    """The schedule from an instalment on: it counts dates by its own terms, so many periods further than its
    number says. Its first period begins on a date of its own: it is odd, or a whole one."""

    first: int
    terms: Terms
    further: int
    starts: dt.date
    odd: bool
    rate_unit: str | None = (
        None  # that the rate was agreed by, where a re-age's dues come by another
    )


def anchored(terms: Terms, to: dt.date) -> Terms:
    """Terms whose dates are counted from that one. Half months go on from their two days, where it is one
    of them; else its day takes the place of the first."""
    ends = clipped(to.year, to.month, 31).day
    pair = (terms.anchor_day, terms.second_anchor_day)
    stays = terms.unit == "semi_monthly" and to.day in [min(day, ends) for day in pair]
    first = terms.anchor_day if stays else to.day
    ends = terms.end_of_month and (to + DAY).day == 1
    return replace(terms, first_due_date=to, anchor_day=first, end_of_month=ends)


def _in_units(unit: str, start: dt.date, end: dt.date) -> Fraction:
    """Months, weeks or days from start to end: whole ones, and odd days as a share of the one that they lie in."""
    if unit != "months":
        return Fraction((end - start).days, 7 if unit == "weeks" else 1)
    whole = 0
    while clipped(start.year, start.month + whole + 1, start.day) <= end:
        whole += 1
    last, following = (clipped(start.year, start.month + whole + n, start.day) for n in (0, 1))
    return whole + Fraction((end - last).days, (following - last).days)


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
    passes: list[dt.date] = field(default_factory=list)  # ends of periods that are passed over
    terminated: int = 0  # the instalment that the end of the contract made the last one
    eras: list[Era] = field(init=False)

    def __post_init__(self) -> None:
        self.rate = self.terms.rate
        self.ends = [self.terms.disbursed_on]
        self.eras = [Era(1, self.terms, 0, self.terms.disbursed_on, odd=True)]
        self.extend(self.terms.instalments)
        if self.terms.anchor_since_second:
            self._off_the_cycle(self.terms.anchor_since_second)

    def _off_the_cycle(self, anchor: int) -> None:
        """The first due date is none of the cycle: the second is counted from it by the anchor, and so are those
        after it; the period between is an odd one."""
        cycle = replace(self.terms, anchor_day=anchor)
        second = replace(cycle, first_due_date=plain_due(cycle, 2))
        length = len(self.ends)
        self.eras.append(Era(2, second, -1, self.end(1), odd=True))
        del self.ends[2:]
        self.extend(length - 2)

    def extend(self, count: int) -> None:
        """So many instalments more."""
        self.ends += [self.end(self.last + n) for n in range(1, count + 1)]

    def pass_over(self, first: int, count: int) -> None:
        """Instalments from `first` on fall due so many periods later; the dates between are passed over."""
        self.passes = [self.end(k) for k in range(first, first + count)]
        era, length = self._era(first), len(self.ends)
        starts = self.counted(first + count - 1)
        self.eras.append(Era(first, era.terms, era.further + count, starts, odd=False))
        del self.ends[first:]
        self.extend(length - first)

    def begin_anew(self, first: int, day: dt.date, terms: Terms) -> None:
        """Another schedule from the day on, whose first instalment has that number."""
        while len(self.ends) < first:
            self.ends.append(self.end(len(self.ends)))
        self.ends[first - 1 :] = [day]
        agreed = self.eras[-1].rate_unit or self.eras[-1].terms.unit
        unit = agreed if agreed != terms.unit else None
        self.eras.append(Era(first, terms, 1 - first, day, odd=True, rate_unit=unit))
        self.extend(terms.instalments)

    def move(self, first: int, to: dt.date) -> None:
        """Instalment `first` falls due on the date, and those after it follow; its period is a longer one."""
        terms = anchored(self._era(first).terms, to)
        starts, length = self.end(first - 1), len(self.ends)
        self.eras.append(Era(first, terms, 1 - first, starts, odd=True))
        del self.ends[first:]
        self.extend(length - first)

    def end_with(self, last: int, day: dt.date) -> None:
        """The last instalment is that one, on the day; periods go on from it."""
        terms = anchored(self._era(last).terms, day)
        self.eras.append(Era(last + 1, terms, 1 - last, day, odd=False))
        del self.ends[last:]
        self.ends.append(day)
        self.terminated = last

    def _era(self, k: int) -> Era:
        return [era for era in self.eras if era.first <= max(k, 1)][-1]

    def counted(self, k: int) -> dt.date:
        """Due date of instalment k as it is counted, whatever calendar moves it."""
        era = self._era(k)
        return plain_due(era.terms, k + era.further)

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
        return self._accrual_end(self.counted(k))

    def next_date(self, k: int) -> dt.date:
        """The next date of instalment k: passed over, or its own."""
        return self.passes[0] if self.passes else self.end(k)

    def due_date(self, k: int) -> dt.date:
        """Due date of instalment k, on a business day; that of a contract that ended is the day itself."""
        end = self.end(k)
        return end if k == self.terminated else self.business_day(end)

    def days(self, k: int) -> int:
        """Nights of period k."""
        return (self.end(k) - self.end(k - 1)).days

    def _whole(self, k: int, rate: Fraction, start: dt.date, end: dt.date) -> Fraction:
        """What the period bears, by bases that do not count days: a whole one, or a share of one. After a re-age to
        another unit a regular one is so many of that which the rate was agreed by, counted from its start, and a
        share of one; the first, odd one bears its days over those of the regular one that ends with it."""
        schedule, era = self.rules.product.schedule, self._era(k)
        every, unit, odd = era.terms.every, era.terms.unit, self._stub(k, start, end)
        if era.rate_unit:
            every, unit = 1, "months" if era.rate_unit == "semi_monthly" else era.rate_unit
            begins = plain_due(era.terms, k - 1 + era.further) if k == era.first else start
            odd *= _in_units(unit, begins, end)
        if schedule.rate_basis == "30/360":
            days = {"months": 30 * every, "semi_monthly": 15 * every, "weeks": 7 * every,
                    "days": every}[unit]  # fmt: skip
            return rate * days * odd / 360
        years = {"months": Fraction(every, 12), "semi_monthly": Fraction(every, 24),
                 "weeks": Fraction(every, 52), "days": Fraction(every, 365)}[unit]  # fmt: skip
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
            era = self._era(k)
            start = self.counted(k - 1) if k > era.first else era.starts
            end = self.counted(k)
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
        start, end = period or (self.end(k - 1), self.next_date(k))
        share = Fraction((other - one).days, (end - start).days)
        return share * self._whole(k, rate, start, end)

    def _stub(self, k: int, start: dt.date, end: dt.date) -> Fraction:
        """Share of a whole period that the first one bears: its days over those of the one that ends with it."""
        era = self._era(k)
        if k != era.first or not era.odd:
            return Fraction(1)
        begins = plain_due(era.terms, k - 1 + era.further)
        whole = k == 1 and self.rules.product.schedule.stub == "whole_period"
        if begins == start or whole:
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
            weight *= Fraction(schedule.season[self.counted(k).month - 1])
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
        if not unit:
            return 0  # only skipped months are left: the last one asks all
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
        """Instalments from `first` to the last, as the schedule alone has them. `emi`: the level one, or the equal part."""
        schedule = self.rules.product.schedule
        made: list[Row] = []
        carried, residue = 0, Fraction(0)
        carries = self.rules.product.interest.residue == "carry"  # as its life does
        for k in range(first, self.last + 1):
            exact = balance * self.factor(k, counted) + residue
            bears = rounded(exact, schedule.interest_rounding)
            residue = exact - bears if carries else residue
            interest, carried = bears + carried, 0
            if k == self.last:
                principal = balance
            elif schedule.amortisation == "interest_only" or k <= schedule.grace_principal:
                principal = 0
            elif schedule.amortisation == "equal_principal":
                principal = min(emi, balance)
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
