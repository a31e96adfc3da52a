"""Interest that a loan earned to the end of each day, as the suite's accrual rows tell it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.dates.day_count import RateBasis
from tests.conformance.classic import earned_by, is_classic

if TYPE_CHECKING:
    from tests.conformance.shown import Shown

SPREADING = (Kind.reaged, Kind.reamortised)
ONE_DAY = dt.timedelta(days=1)


class Earned:
    """Interest earned by a loan to the end of each day, in minor units."""

    def __init__(self, shown: Shown) -> None:
        from tests.conformance.fineract import _basis
        from tests.conformance.products import by_periods, recalculated

        mine = shown.seen.of(shown.id, "earned").sort("on")
        days = shown.ended_on()
        self._ended = days[-1] if days and not still_lives(shown) else None
        self._days = dict(mine.select("on", pl.col("earned").cum_sum()).rows())
        self._dates = sorted(self._days)
        terms = shown.terms
        self.shift = ONE_DAY if terms.get("interest_recognition_on_disbursement_date") else None
        self.classic = (terms["schedule_type"] == "CUMULATIVE"
                        and terms["interest_calculation_period"] != "DAILY")  # fmt: skip
        outs = [s for s, _ in shown.events if s.kind is Kind.disbursed]
        even = _basis(terms) <= RateBasis.thirty_360 and terms["schedule_type"] == "PROGRESSIVE"
        spread = even and terms["interest_type"] != "FLAT" and not recalculated(terms)
        self._periods = self._whole(shown) if spread and (outs or by_periods(terms)) else []
        self._classic = shown if is_classic(terms) else None
        self._off = bool(shown.position) and shown.position["status"] == Status.charged_off
        self._fixed = self._by_reage(shown)
        self._again = [] if self._fixed else self._by_split(shown)

    @staticmethod
    def _by_split(shown: Shown) -> list[tuple[dt.date, list[tuple[dt.date, dt.date]], int]]:
        """Re-amortisations that split the interest of the arrears: the day, the periods of the instalments
        that ask it in even shares, and a share. It is listed as earned again over them."""
        found = []
        for step, _ in shown.events:
            if step.kind is not Kind.reamortised or step.body.get("interest") != "split":
                continue
            stood = shown.seen.positions.get(shown._ahead_of(step).loan_id, {})
            dates = sorted(shown.due_dates())
            starts = [min((s.date for s, _ in shown.events if s.kind is Kind.disbursed))] + dates
            periods = [(a, b) for a, b in zip(starts, dates, strict=False) if b > step.date]
            lifted = stood.get("interest_due", 0)
            if periods and lifted:
                share = (Decimal(lifted) / len(periods)).to_integral_value("ROUND_HALF_EVEN")
                found.append((step.date, periods, int(share)))
        return found

    def _listed_again(self, until: dt.date) -> Decimal:
        """What is not yet listed again of interest that was split, by a date of a loan that goes on."""
        left = Decimal(0)
        for day, periods, share in self._again:
            if until >= day:
                left += share * len(periods)  # what the shares leave over was given up
                for start, due in periods:
                    gone = min(max((until - start).days, 0), (due - start).days)
                    left -= Decimal(share) * gone / (due - start).days
        return left

    @staticmethod
    def _by_reage(shown: Shown) -> list[tuple[dt.date, dt.date, int]]:
        """Periods of a schedule whose interest a re-age fixed, with what each asks; what stayed with the
        instalments before it counts whole."""
        fixing = [s for s, _ in shown.events if s.kind is Kind.reaged and s.body.get("interest")]
        if not fixing:
            return []
        last, found = shown._last_before(fixing[-1]), []
        start = fixing[-1].date
        for number, due, parts in shown.incomes():
            if number <= last:
                found.append((dt.date.min, dt.date.min, parts[0]))
            else:
                found.append((start, due, parts[0]))
                start = due
        return found

    def begun(self, date: dt.date) -> int:
        """What a charge-off claims of interest that a re-age fixed: each instalment that has begun."""
        if not self._fixed:
            return self.to(date)
        return sum(interest for start, _, interest in self._fixed if start <= date)

    @staticmethod
    def _whole(shown: Shown) -> list[tuple[dt.date, dt.date, Decimal]]:
        """Periods with their interest, of which each day bears an even share: as it is before it is
        rounded, where the balance tells it. What is lent within one bears from its own day."""
        from tests.conformance.products import by_periods, rate_of

        terms, found = shown.terms, []
        start = min(
            (s.date for s, _ in shown.events if s.kind is Kind.disbursed), default=dt.date.max
        )
        own = shown.dues.filter((pl.col("component") == 0) & (pl.col("instalment_no") > 0))
        outs = [
            (s.date, Decimal(s.amount or 0)) for s, _ in shown.events if s.kind is Kind.disbursed
        ]
        down = Decimal(int(own["amount"].sum())) - sum((lent for _, lent in outs), Decimal(0))
        whole = by_periods(terms)  # a payout bears all of the period that it falls in
        left = sum((lent for on, lent in outs if on <= start), down)
        principal = dict(own.select("instalment_no", "amount").rows())
        year = {"MONTHS": 12, "WEEKS": 52, "DAYS": 360}[terms["repayment_frequency_type"]]
        factor = Decimal(rate_of(terms)) / 100 * int(terms["repayment_every"]) / year
        for number, due, parts in shown.incomes():
            if number > 0 and due > start:
                nights = Decimal((due - start).days)
                within = [(start if whole else on, lent * factor * (1 if whole else (due - on).days / nights))
                          for on, lent in outs if start < on < due]  # fmt: skip
                later = sum((interest for _, interest in within), Decimal(0))
                exact = left * factor
                known = abs(exact + later - parts[0]) <= Decimal("0.5")
                found += [(on, due, interest) for on, interest in within if known]
                found.append((start, due, exact if known else Decimal(parts[0])))
                left += sum((lent for on, lent in outs if start < on <= due), Decimal(0))
                start, left = due, left - principal.get(number, 0)
        return found

    def _ended_by(self, until: dt.date) -> list[Decimal]:
        """Interest of each period that is over by a date."""
        sums: dict[dt.date, Decimal] = {}
        for _, due, whole in self._periods:
            sums[due] = sums.get(due, Decimal(0)) + whole
        return [whole for due, whole in sums.items() if due <= until]

    def to(self, date: dt.date) -> int:
        until = date + self.shift if self.shift else date
        if self._classic and (self._ended is None or date < self._ended or self._off):
            return earned_by(self._classic, until)
        if self._fixed and (self._ended is None or date < self._ended):
            shares = (
                (min(max((until - start).days, 0), (due - start).days), (due - start).days, whole)
                for start, due, whole in self._fixed
            )
            # each instalment's by itself
            return sum(round(Decimal(whole) * gone / days) if days else whole
                       for gone, days, whole in shares)  # fmt: skip
        if self._periods and (self._ended is None or date < self._ended):
            nights = [(whole, min(max((until - start).days, 0), (due - start).days), (due - start).days)
                      for start, due, whole in self._periods]  # fmt: skip
            over = sum(round(whole) for whole in self._ended_by(until))
            runs = sum(
                (whole * gone / days for whole, gone, days in nights if gone < days), Decimal(0)
            )
            return over + int(runs.to_integral_value("ROUND_HALF_EVEN"))
        days = [d for d in self._dates if d <= until]
        nights = self._days[days[-1]] if days else 0
        if self._ended is not None and date >= self._ended:
            return nights
        return nights - int(self._listed_again(until).to_integral_value("ROUND_HALF_EVEN"))


def still_lives(shown: Shown) -> bool:
    return shown.position is not None and shown.position["status"] == Status.active
