"""Terms of ACTUS contracts as loanbook's products, terms and due dates.

A contract is a daily simple-interest loan: ANN at a level instalment, LAM with fixed principal, NAM
at a fixed payment whose shortfall joins the principal, PAM interest only, CLM and UMP whose interest
joins the principal on every date of its cycle. Figures are unrounded there: here a
hundred-millionth of the currency is the minor unit.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.contract.dates.business_days import BusinessDay, Calendar
from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.dates.due_dates import Unit, add_months
from loanbook.core.policy.product import Product
from loanbook.core.policy.product_rules.interest import FloatingRate
from tests.conformance.terms import row, schedules

SCALE = 8
"""Decimals of the currency: figures are carried as good as unrounded."""
DAYS = {"A365": "ACT/365F", "AA": "ACT/ACT", "30E360": "30E/360", "A360": "ACT/360"}
KINDS = {"ANN": "equal_instalment", "LAM": "equal_principal", "NAM": "equal_instalment",
         "PAM": "interest_only", "CLM": "interest_only", "UMP": "interest_only"}  # fmt: skip
UNITS = {"D": (Unit.days, 1), "W": (Unit.weeks, 1), "M": (Unit.months, 1), "Q": (Unit.months, 3),
         "H": (Unit.months, 6), "Y": (Unit.months, 12)}  # fmt: skip
ROLLS = {"NOS": ("unadjusted", False), "SCF": ("following", True), "SCMF": ("modified_following", True),
         "SCP": ("preceding", True), "SCMP": ("modified_preceding", True), "CSF": ("following", False),
         "CSMF": ("modified_following", False), "CSP": ("preceding", False),
         "CSMP": ("modified_preceding", False)}  # fmt: skip
"""Business-day conventions: shift, then calculate, moves the interest period with the payment."""
CALENDARS = {"NC": None, "NoCalendar": None, "MF": (6, 7), "MondayToFriday": (6, 7)}
"""Days of the week that are no business days."""
WEEKENDS = Calendar("weekends", (), (6, 7))
FREE = None
"""A name, a date, an amount or a rate: any value."""
KNOWN: dict[str, Any] = {
    "contractID": FREE, "contractType": FREE, "statusDate": FREE, "contractDealDate": FREE, "currency": FREE,
    "contractRole": {"RPA", "RPL"}, "initialExchangeDate": FREE, "maturityDate": FREE, "amortizationDate": FREE,
    "notionalPrincipal": FREE, "nominalInterestRate": FREE, "premiumDiscountAtIED": FREE,
    "accruedInterest": FREE, "dayCountConvention": FREE, "businessDayConvention": FREE, "calendar": {*CALENDARS},
    "endOfMonthConvention": {"SD", "EOM"}, "capitalizationEndDate": FREE, "purchaseDate": FREE,
    "priceAtPurchaseDate": FREE, "terminationDate": FREE, "priceAtTerminationDate": FREE, "xDayNotice": FREE,
    "cycleOfInterestPayment": FREE, "cycleAnchorDateOfInterestPayment": FREE, "cycleOfPrincipalRedemption": FREE,
    "cycleAnchorDateOfPrincipalRedemption": FREE, "nextPrincipalRedemptionPayment": FREE,
    "cycleOfRateReset": FREE, "cycleAnchorDateOfRateReset": FREE, "marketObjectCodeOfRateReset": FREE,
    "rateMultiplier": FREE, "rateSpread": FREE, "nextResetRate": FREE, "fixingDays": {"P0D", "P2D"},
    "lifeCap": FREE, "lifeFloor": FREE, "periodCap": FREE, "periodFloor": FREE,
    "interestCalculationBase": {"NT", "NTIED"}, "interestCalculationBaseAmount": FREE,
    "cycleOfInterestCalculationBase": FREE, "cycleAnchorDateOfInterestCalculationBase": FREE,
    "scalingEffect": {"000", "OOO"}, "contractPerformance": {"PF"}, "creatorID": FREE, "counterpartyID": FREE,
    "marketObjectCode": FREE, "settlementCurrency": FREE, "cyclePointOfInterestPayment": {"E"},
    "cyclePointOfRateReset": {"B"}, "seniority": FREE, "guaranteedExposure": FREE,
}  # fmt: skip
"""Terms that mean something here, or nothing for the list of events; any other is refused by its name."""


class NotMappedError(Exception):
    """What a contract asks for that loanbook has no notion of."""


@dataclass
class Cycle:
    """`P1ML0`: a period, and whether the last one is long (0) or short (1)."""

    unit: Unit
    every: int
    short_last: bool

    @classmethod
    def of(cls, text: str) -> Cycle:
        found = re.match(r"^P(\d+)([DWMQHY])L([01])$", text)
        if found is None:
            raise NotMappedError(f"cycle {text}")
        unit, times = UNITS[found[2]]
        return cls(unit, int(found[1]) * times, found[3] == "1")

    def dates(self, anchor: dt.date, until: dt.date, *, month_end: bool) -> list[dt.date]:
        """Dates of the cycle from its anchor to `until`, which is one; a long last period drops
        the one before it."""
        found, n = [], 0
        while (on := self.on(anchor, n, month_end=month_end)) < until:
            found.append(on)
            n += 1
        if on != until and not self.short_last and len(found) > 1:
            found.pop()
        return [*found, until]

    def on(self, anchor: dt.date, n: int, *, month_end: bool) -> dt.date:
        if self.unit is Unit.months:
            last = month_end and (anchor + dt.timedelta(days=1)).day == 1
            frame = pl.DataFrame({"d": [anchor]}).select(
                add_months(pl.col("d"), pl.lit(n * self.every), pl.lit(anchor.day), pl.lit(last))
            )
            found: dt.date = frame.item()
            return found
        days = self.every * (7 if self.unit is Unit.weeks else 1)
        return anchor + dt.timedelta(days=n * days)


@dataclass
class Contract:
    """A case as terms, events and the dates that its list of events is read off."""

    case: dict[str, Any]
    product: Product
    terms: dict[str, Any]
    start: dt.date
    due: list[dt.date]
    kind: str
    sign: int
    first_redemption: dt.date
    at_once: int
    """Principal that is redeemed on the day of the payout."""
    resets: list[tuple[dt.date, str, int]] = field(default_factory=list)
    joins: list[dt.date] = field(default_factory=list)
    solved: bool = False
    """The level instalment is what loanbook finds."""

    @property
    def until(self) -> dt.date:
        """The last day that the list of events reaches."""
        return settled_on(self.case) or date_in(self.case, "to") or self.due[-1]


def date_in(terms: dict[str, Any], name: str) -> dt.date | None:
    return day_of(terms[name]) if terms.get(name) else None


def day_of(text: Any) -> dt.date:
    """The day whose start an instant is: the last second of a day is the end of it."""
    day = dt.date.fromisoformat(str(text)[:10])
    return day + ONE_DAY if at_its_end(text) else day


def at_its_end(text: Any) -> bool:
    return str(text)[10:16] == "T23:59"


ONE_DAY = dt.timedelta(days=1)


def called_on(case: dict[str, Any]) -> dt.date | None:
    """The day on which all is called."""
    seen = case.get("eventsObserved") or []
    return day_of(seen[0]["time"]) if len(seen) == 1 and seen[0]["type"] == "XD" else None


def settled_on(case: dict[str, Any]) -> dt.date | None:
    """The day on which what was called is paid: after the notice."""
    called, notice = called_on(case), case["terms"].get("xDayNotice") or "P0D"
    if called is None:
        return None
    found = re.match(r"^P(\d+)([DWMQHY])$", notice)
    if found is None:
        raise NotMappedError(f"notice {notice}")
    unit, times = UNITS[found[2]]
    return Cycle(unit, int(found[1]) * times, True).on(called, 1, month_end=False)


def minor(value: Any) -> int:
    return int(Decimal(str(value).strip()).scaleb(SCALE).to_integral_value())


def _ppb(value: Any) -> int:
    return int(Decimal(str(value).strip()).scaleb(9).to_integral_value())


def contract_of(case: dict[str, Any], number: int) -> Contract:
    terms = case["terms"]
    kind = str(terms.get("contractType", case["category"].removeprefix("actus_").upper()))
    _refuse(case, kind)
    out = date_in(terms, "initialExchangeDate")
    status = date_in(terms, "statusDate")
    assert out is not None
    assert status is not None
    asked = _Asked(case, kind, out, max(status, out))
    asked.annuity_due()
    due, joins = asked.dates()
    moved = asked.moved(due)
    first = asked.first if asked.first and asked.first != out else due[0]
    grace = sum(d < first for d in due)
    resets = asked.resets(called_on(case) or due[-1])
    if kind not in ("CLM", "UMP") and any(
        asked.rate_at(value, what) < 0 for _, what, value in resets
    ):
        raise NotMappedError("a rate below zero")
    floats = None
    if resets:
        floats = FloatingRate(
            index="market", multiplier=str(terms.get("rateMultiplier", "1")).strip(),
            keep="term" if kind == "ANN" else "instalment", **_bounds(terms),
        )  # fmt: skip
    roll, adjusts = asked.roll, asked.adjusts
    product = Product(
        name=f"a{number}", version=1, effective_from=dt.date(2000, 1, 1), entity="us-consumer",
        currency="USD", day_order="sequence", floating=floats,
        schedule={"amortisation": KINDS[kind], "rate_basis": asked.basis, "grace_principal": grace,
                  "shortfall": "capitalise" if kind == "NAM" else "carry", "business_day": roll,
                  "calendar": "weekends" if roll != "unadjusted" else "every-day",
                  "adjust_accrual": adjusts},
        interest={"accrual": "daily"}, payments={"excess": "next_then_principal"},
    )  # fmt: skip
    row = asked.terms(due, grace) | {
        "spread_ppb": _ppb(terms.get("rateSpread", 0)) if resets else None
    }
    sign = -1 if terms["contractRole"] == "RPL" else 1
    return Contract(case, product, row, asked.start, moved, kind, sign, moved[due.index(first)]
                    if first in due else first, asked.at_once, resets, joins, asked.emi is None)  # fmt: skip


def _bounds(terms: dict[str, Any]) -> dict[str, str]:
    """How far resets may move the rate."""
    per_cent = {name: str(Decimal(str(terms[name]).strip()) * 100) for name in
                ("lifeCap", "lifeFloor", "periodCap", "periodFloor") if terms.get(name)}  # fmt: skip
    moves = {
        name: per_cent.get(name, "").removeprefix("-") for name in ("periodCap", "periodFloor")
    }
    if moves["periodCap"] != moves["periodFloor"]:
        raise NotMappedError("a reset that may rise by another share than it may fall by")
    told = {"cap_percent": per_cent.get("lifeCap"), "floor_percent": per_cent.get("lifeFloor"),
            "reset_cap_percent": moves["periodCap"] or None}  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _refuse_unknown(terms: dict[str, Any]) -> None:
    """NotMappedError for the first term, or value of one, without a meaning here."""
    for name, value in terms.items():
        text = str(value).strip()
        if text in ("", "None", "[]", "{}"):
            continue
        if name not in KNOWN:
            raise NotMappedError(f"term {name}")
        if KNOWN[name] is not FREE and text not in KNOWN[name]:
            raise NotMappedError(f"term {name} {text}")


def _refuse(case: dict[str, Any], kind: str) -> None:
    """NotMappedError for what loanbook has no notion of."""
    terms = case["terms"]
    if kind not in KINDS:
        raise NotMappedError(f"contract type {kind}")
    _refuse_unknown(terms)
    base = terms.get("interestCalculationBaseAmount")
    if terms.get("interestCalculationBase") == "NTIED" and base and minor(base) != minor(
        terms["notionalPrincipal"]
    ):  # fmt: skip
        raise NotMappedError("interest on another base than the principal")
    if case.get("eventsObserved") and called_on(case) is None:
        raise NotMappedError("events that were observed other than a call of all")
    dates = [v for k, v in terms.items() if "Date" in k and "T" in str(v)]
    ends = ("maturityDate", "terminationDate")
    on_time = ("T00:00", "T00:00:00")
    if any(not (str(d).endswith(on_time) or at_its_end(d)) for d in dates) or any(
        at_its_end(v) for k, v in terms.items() if k not in ends and "Date" in k
    ):
        raise NotMappedError("a time of the day")
    if Decimal(str(terms.get("nominalInterestRate", 0)).strip()) < 0 and kind not in ("CLM", "UMP"):
        raise NotMappedError("a rate below zero")
    # who buys it on the way takes it over with what accrued by then
    if Decimal(str(terms.get("accruedInterest") or 0).strip()) and not terms.get("purchaseDate"):
        raise NotMappedError("interest accrued before the payout")
    if str(terms.get("businessDayConvention", "NOS")) not in ROLLS:
        raise NotMappedError(f"business days {terms['businessDayConvention']}")
    if str(terms.get("dayCountConvention")) not in DAYS:
        raise NotMappedError(f"day count {terms.get('dayCountConvention')}")


class _Asked:
    """What the terms of a contract ask for: dates, amounts, resets."""

    def __init__(self, case: dict[str, Any], kind: str, out: dt.date, start: dt.date) -> None:
        told = case["terms"]
        self.case, self.told, self.kind, self.out, self.start = case, told, kind, out, start
        self.month_end = told.get("endOfMonthConvention") == "EOM"
        self.basis = DAYS[str(told["dayCountConvention"])]
        self.rate = _ppb(told.get("nominalInterestRate", 0))
        interest, redemption = (
            Cycle.of(told[name]) if told.get(name) else None
            for name in ("cycleOfInterestPayment", "cycleOfPrincipalRedemption")
        )
        if interest and redemption and (interest.unit, interest.every) != (
            redemption.unit, redemption.every
        ):  # fmt: skip
            raise NotMappedError("principal and interest by different cycles")
        self.cycle = interest or redemption
        self.open = kind in ("CLM", "UMP")
        self.first = date_in(told, "cycleAnchorDateOfPrincipalRedemption")
        payment = told.get("nextPrincipalRedemptionPayment")
        self.payment = minor(payment) if payment else None
        self.at_once = (self.payment or 0) if self.first == out else 0
        self.principal = minor(told["notionalPrincipal"]) - self.at_once
        self.emi = self.payment if kind in ("ANN", "NAM") else None
        anchor = date_in(told, "cycleAnchorDateOfInterestPayment")
        if anchor is None and self.cycle:
            anchor = self.cycle.on(out, 1, month_end=self.month_end)
        self.anchor = anchor
        self.until = date_in(case, "to")
        free = CALENDARS[str(told.get("calendar") or "NC")]
        asked = str(told.get("businessDayConvention") or "NOS")
        self.roll, self.adjusts = ROLLS[asked if free else "NOS"]

    def _maturity(self) -> dt.date:
        """The last date: as told, after as many payments as it takes, or beyond what is looked at."""
        told = date_in(self.told, "maturityDate") or date_in(self.told, "amortizationDate")
        told = settled_on(self.case) or told
        if told is None and self.open:
            if self.until is None:
                raise NotMappedError("no end is told")
            return self.until + dt.timedelta(days=400)
        if told is not None:
            return told
        assert self.cycle is not None
        assert self.payment is not None
        count = _count(self.kind, self.principal, self.payment, self.rate, self.cycle)
        begin = self.first
        if begin is None or begin == self.out:
            begin = self.cycle.on(self.out, 1, month_end=self.month_end)
        return self.cycle.on(begin, count - 1, month_end=self.month_end)

    def dates(self) -> tuple[list[dt.date], list[dt.date]]:
        """Unadjusted due dates, and those on which interest joins the principal."""
        maturity = self._maturity()
        if self.open:
            joins: list[dt.date] = []
            if self.cycle and self.anchor:
                short = Cycle(self.cycle.unit, self.cycle.every, True)
                whole = short.dates(self.anchor, maturity, month_end=self.month_end)
                # an open one is looked at before that day; nothing joins once it is called
                last = min(called_on(self.case) or self.until or maturity, maturity)
                joins = [d for d in whole[:-1] if self.start < d < last]
            return [maturity], joins
        assert self.cycle is not None
        assert self.anchor is not None
        # a period that ends with the last second of a day is no whole one of the cycle
        ends = maturity - ONE_DAY if at_its_end(self.told.get("maturityDate")) else maturity
        every = set(self.cycle.dates(self.anchor, ends, month_end=self.month_end))
        if self.first and self.first < self.anchor:
            every |= set(self.cycle.dates(self.first, ends, month_end=self.month_end))
        every = {maturity if d == ends else d for d in every}
        due = sorted(d for d in every if d > self.out)
        ends = date_in(self.told, "capitalizationEndDate")
        if ends is None:
            return due, []
        return [d for d in due if d > ends], sorted({d for d in [*due, ends] if d <= ends})

    def moved(self, due: list[dt.date]) -> list[dt.date]:
        """Due dates after the business-day convention.

        Where the interest period stays, a payment may be moved behind its end, not before it: conventions that
        would do so are those that do the same on these dates, or are refused.
        """
        if self.roll == "unadjusted":
            return due
        found = self._rolled(due, self.roll)
        if self.adjusts or self.roll == "following":
            return found
        for same in ("unadjusted", "following"):
            if found == self._rolled(due, same):
                self.roll = same
                return found
        raise NotMappedError("payments that are moved before their period's end")

    def _rolled(self, due: list[dt.date], roll: str) -> list[dt.date]:
        frame = pl.DataFrame({"d": due})
        return frame.select(WEEKENDS.adjust(pl.col("d"), BusinessDay[roll])).to_series().to_list()

    def terms(self, due: list[dt.date], grace: int) -> dict[str, Any]:
        """Terms of the loan."""
        unit, every = (self.cycle.unit, self.cycle.every) if self.cycle else (Unit.months, 1)
        n, balloon = len(due), 0
        if self.kind == "LAM" and self.payment:
            balloon = self.principal - self.payment * (n - grace)
        ends = date_in(self.told, "amortizationDate")
        emi = self.emi
        if self.kind == "ANN" and emi is None and ends and ends != due[-1]:
            emi = self._over(ends)
        return {
            "principal_agreed": self.principal, "balloon": balloon, "rate_ppb": self.rate,
            "instalments": n, "every": every, "unit": unit.value, "disbursed_on": self.start,
            "first_due_date": due[0], "second_anchor_day": 1, "emi": emi,
            "anchor_day": (self.anchor or due[0]).day if unit is Unit.months else due[0].day,
            "end_of_month": self.month_end
            and ((self.anchor or due[0]) + dt.timedelta(days=1)).day == 1,
            "first_interest_adjustment": 0, "matures_on": due[-1],
        }  # fmt: skip

    def annuity_due(self) -> None:
        """An annuity that is paid for the first time on the day of the payout: P L / (P + L), where
        L is the instalment that would pay P off by the later dates."""
        ends = date_in(self.told, "amortizationDate") or date_in(self.told, "maturityDate")
        if self.kind != "ANN" or self.first != self.out or self.payment or ends is None:
            return
        if self.anchor == self.out:
            assert self.cycle is not None
            self.anchor = self.cycle.on(self.out, 1, month_end=self.month_end)
        level = self._over(ends)
        self.at_once = round(Decimal(self.principal) * level / (self.principal + level))
        self.principal -= self.at_once
        self.emi = self.at_once

    def rate_at(self, value: int, what: str) -> Decimal:
        """The rate that a reset sets, in ppb."""
        if what == "RRF":
            return Decimal(value)
        times = Decimal(str(self.told.get("rateMultiplier", "1")).strip())
        return times * value + _ppb(self.told.get("rateSpread", 0))

    def _over(self, ends: dt.date) -> int:
        """The level instalment that would pay the loan off by a later date."""
        assert self.cycle is not None
        assert self.anchor is not None
        due = [
            d for d in self.cycle.dates(self.anchor, ends, month_end=self.month_end) if d > self.out
        ]
        basis = {"ACT/365F": RateBasis.act_365f, "ACT/ACT": RateBasis.act_act,
                 "30E/360": RateBasis.thirty_e_360, "ACT/360": RateBasis.act_360}[self.basis]  # fmt: skip
        loan = row(
            principal=self.principal, rate_percent=str(Decimal(self.rate) / 10**7), n=len(due),
            start=self.start, first_due=due[0], unit=self.cycle.unit, every=self.cycle.every,
            basis=basis, matures_on=due[-1],
        )  # fmt: skip
        (table,) = schedules([loan])
        return int(table["principal"][0] + table["interest"][0])

    def resets(self, last: dt.date) -> list[tuple[dt.date, str, int]]:
        """Resets as (date, RR or RRF, the index value or the rate that was fixed, in ppb)."""
        code = self.told.get("marketObjectCodeOfRateReset")
        every = self.told.get("cycleOfRateReset")
        if not code:
            return []
        observed = {
            dt.date.fromisoformat(r["timestamp"][:10]): r["value"]
            for r in self.case["dataObserved"].get(code, {}).get("data", [])
        }
        cycle = Cycle.of(every) if every else None
        anchor = date_in(self.told, "cycleAnchorDateOfRateReset")
        if anchor is None and cycle is not None:
            anchor = cycle.on(self.out, 1, month_end=self.month_end)
        if anchor is None:
            return []
        dates = cycle.dates(anchor, last, month_end=self.month_end) if cycle else [anchor]
        found, fixed = [], self.told.get("nextResetRate")
        for on in (d for d in dates if self.start < d < last):
            if fixed is not None:
                found.append((on, "RRF", _ppb(fixed)))
                fixed = None
            elif known := [d for d in observed if d <= on]:
                found.append((on, "RR", _ppb(observed[max(known)])))
        return found


def _count(kind: str, principal: int, payment: int, rate: int, cycle: Cycle) -> int:
    """How many payments it takes; interest by whole periods at the first rate."""
    if kind == "LAM":
        return -(-principal // payment)
    months = cycle.every if cycle.unit is Unit.months else 0
    days = {Unit.days: 1, Unit.weeks: 7}.get(cycle.unit, 0) * cycle.every
    factor = Decimal(rate) / 10**9 * (Decimal(months) / 12 + Decimal(days) / 365)
    left, n = Decimal(principal), 0
    while left > 0 and n < 10_000:
        left += left * factor - payment
        n += 1
    return n
