"""Terms of printed tables, by what each field means: a field without a meaning here is named.

Fields of one meaning come under several names; a name is split into its words, so that a rate says
itself of what time it is (`daily_rate_percent`) and a date what it is of (`first_payment`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from loanbook.core.contract.dates.day_count import ACTUAL, RateBasis
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import EXPONENT, Rounding
from tests.conformance.fineract import _first_due
from tests.conformance.printed_words import (
    Kind,
    Reading,
    RoundingWords,
    UnknownWordsError,
    day_count,
    kind_of,
    period,
    plain,
    rate_basis,
    rounding,
)

SAYS_NOTHING = {"composition", "monthly_rate", "quarterly_rate", "weekly_rate", "period_rate", "periodic_rate", "level_payment_rule", "skip_rule", "note", "source",
                "currency_name", "product", "comment", "level_payment_note"}  # fmt: skip
"""Fields that explain another one."""
MEANINGS: dict[str, str] = {
    "principal": "principal", "loan_amount": "principal", "amount": "principal", "amount_financed": "principal",
    "principal_amount": "principal", "advance": "principal",
    "n": "n", "instalments": "n", "installments": "n", "number_of_payments": "n", "payments_count": "n",
    "term_months": "term_months", "months": "term_months", "years": "term_years", "term_years": "term_years",
    "frequency": "frequency", "payment_frequency": "frequency", "repay_every": "every",
    "type": "type", "kind": "type", "method": "type", "repayment_type": "type",
    "interest_type": "type", "amortization": "type", "amortisation": "type",
    "loan_date": "start", "signed": "start", "start": "start", "disbursed": "start", "start_date": "start",
    "disbursement_date": "start", "advance_date": "start", "drawdown": "start",
    "first_payment": "first", "first_due": "first", "first_payment_date": "first", "first_instalment": "first",
    "first_due_date": "first",
    "maturity": "maturity", "maturity_date": "maturity", "end": "maturity",
    "day_count": "day_count", "daycount": "day_count", "convention": "day_count",
    "rate_basis": "rate_basis", "accrual": "accrual", "days_in_year": "days_in_year",
    "days_in_month": "days_in_month",
    "rounding": "rounding", "arithmetic": "rounding", "interest_rounding": "interest_rounding",
    "payment_rounding": "instalment_rounding", "instalment_rounding": "instalment_rounding",
    "emi_rounding": "instalment_rounding", "last_payment": "last", "final_payment": "last",
    "last_instalment": "last",
    "fixed_principal": "share", "principal_payment": "share", "principal_per_period": "share",
    "regular_payment": "instalment", "fixed_payment": "instalment", "level_payment": "instalment",
    "instalment": "instalment", "emi": "instalment", "payment": "instalment",
    "amortization_term_months": "instalment_of", "amortisation_term_months": "instalment_of",
    "balloon": "balloon", "balloon_amount": "balloon", "residual_value": "balloon", "residual": "balloon",
    "balloon_percent": "balloon_percent", "residual_value_percent": "balloon_percent",
    "residual_percent": "balloon_percent",
    "currency": "currency", "currency_decimals": "decimals", "periods": "periods",
    "taxes_on_interest_percent": "taxes", "interest_taxes_percent": "taxes",
    "grace_principal": "grace_principal", "principal_grace": "grace_principal",
    "interest_only_periods": "grace_periods", "interest_only_payments": "grace_periods",
    "interest_only_instalments": "grace_periods", "interest_only": "grace_periods",
    "interest_only_months": "grace_principal", "grace_months": "grace_principal",
    "step_percent": "step", "instalment_growth_percent": "step", "step_every_months": "step_months",
    "second_disbursement": "second", "third_disbursement": "third", "disbursements": "tranches",
    "tranches": "tranches", "further_disbursements": "tranches", "payoff_date": "payoff", "rates": "rates", "rate_change": "rate_change",
    "skipped_months": "skipped", "payments": "payments",
}  # fmt: skip
"""Names of fields by what they mean; those of rates are read by `_rate`."""
YEARS = {"annual": 1, "yearly": 1, "monthly": 12, "weekly": 52, "quarterly": 4, "halfyearly": 2,
         "semiannual": 2, "fortnightly": 26, "biweekly": 26}  # fmt: skip
A_YEAR = {Unit.months: 12, Unit.weeks: 52, Unit.days: 365, Unit.semi_monthly: 24}
SCALE = 10**6
"""Tables that are carried unrounded: a millionth of a cent is the unit then."""


@dataclass
class Table:
    """Terms of a printed table, money in `unit`s of its currency."""

    principal: int = 0
    decimals: int = 2
    scale: int = 1
    rate: Decimal = Decimal(0)
    basis: RateBasis = RateBasis.period
    n: int | None = None
    unit: Unit = Unit.months
    every: int = 1
    start: dt.date | None = None
    first: dt.date | None = None
    stub: Stub = Stub.prorate
    interest_rounding: Rounding = Rounding.half_even
    instalment_rounding: Rounding = Rounding.half_even
    multiple: int = 1
    kind: Kind = field(default_factory=Kind)
    emi: int | None = None
    balloon: int = 0
    level_last: bool = False
    grace: tuple[int, int, int] = (0, 0, 0)
    given: dict[str, Any] = field(default_factory=dict)
    """What `lived` reads: further payouts, rates and payments, by their meaning."""

    def minor(self, amount: Any) -> int:
        """An amount of the table in its own smallest unit; UnknownWordsError if it has more decimals."""
        found = Decimal(str(amount)).scaleb(self.decimals) * self.scale
        if found != int(found):
            raise UnknownWordsError(f"amount {amount} has more than {self.decimals} decimals")
        return int(found)

    def count(self, length: tuple[int, str]) -> int:
        """Periods of the table in a length, as (4, "month"); UnknownWordsError if they are not whole."""
        many, of = length
        if of in ("payment", "instalment", "installment", "period"):
            return many
        year = {"year": 1, "quarter": 4, "month": 12, "week": 52, "day": 365}[of]
        over, under = many * A_YEAR[self.unit], year * self.every
        if over % under:
            raise UnknownWordsError(f"{many} {of}s are no whole periods")
        return over // under


def meanings(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of a table by their meaning; a rate as (per cent, of what, effective)."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        rate = _rate(name, value)
        if value is None or (name in SAYS_NOTHING and rate is None):
            continue
        meaning = "rate" if rate else MEANINGS.get(name)
        if meaning is None:
            raise UnknownWordsError(f"field {name}")
        if meaning == "type" and meaning in found:
            found["type"] = f"{found['type']}, {value}"
            continue
        if meaning == "rounding" and meaning in found:
            found["rounding"] = f"{found['rounding']}; {value}"
            continue
        if meaning in found:
            raise UnknownWordsError(f"field {name}: {meaning} is told twice")
        found[meaning] = rate or value
    return found


def _rate(name: str, value: Any) -> tuple[Decimal, str, bool] | None:
    """A rate by the words of its name: per cent, of what time, whether compounded."""
    words = name.lower().split("_")
    known = {*YEARS, "daily", "period", "periodic", "nominal", "effective", "flat", "interest", "rate",
             "percent", "pct", "borrowing"}  # fmt: skip
    if "rate" not in words or not set(words) <= known:
        return None
    try:
        percent = Decimal(str(value).rstrip("% "))
    except ArithmeticError:
        return None
    if not {"percent", "pct"} & set(words) and "%" not in str(value):
        percent *= 100
    of = next((w for w in words if w in YEARS or w in ("daily", "period", "periodic")), "annual")
    return percent, "period" if of == "periodic" else of, "effective" in words


def table_of(given: dict[str, Any]) -> Table:
    """Terms of a table; UnknownWordsError names a field or words without a meaning."""
    told = meanings(given)
    table = Table(kind=kind_of(told.get("type", "annuity")), given=told)
    _money(table, told)
    _periods(table, told)
    _interest(table, told)
    _dates(table, told)
    _odd_first(table)
    _amounts(table, told)
    return table


def _money(table: Table, told: dict[str, Any]) -> None:
    """The smallest unit and how figures are rounded to it."""
    table.decimals = int(told.get("decimals", EXPONENT.get(str(told.get("currency")), 2)))
    words = RoundingWords()
    rounding(told.get("rounding", ""), words)
    rounding(table.kind.rounding, words, "interest")
    rounding(table.kind.figures, words)
    rounding(told.get("interest_rounding", ""), words, "interest")
    rounding(told.get("instalment_rounding", ""), words, "instalment")
    if "last" in told:
        reading = Reading(told["last"])
        table.level_last = bool(reading.take(r"not adjusted|as high|level"))
        reading.take(r"absorbs|takes(?: what is left)?|adjusted")
        reading.close("last payment")
    table.level_last |= words.level_last
    if words.interest_unit is not None:  # what interest is rounded to is the smallest unit there is
        table.decimals = -Decimal(words.interest_unit).as_tuple().exponent  # type: ignore[operator]
    if words.unrounded:
        table.scale = SCALE
    plain_mode = Rounding.half_up if words.unrounded else Rounding.half_even
    table.interest_rounding = plain_mode if words.interest is None else words.interest
    other = plain_mode if words.interest is None else table.interest_rounding
    table.instalment_rounding = other if words.instalment is None else words.instalment
    if words.instalment_unit is not None:
        table.multiple = max(table.minor(words.instalment_unit), 1)
    table.principal = table.minor(told.get("principal", 0))


def _periods(table: Table, told: dict[str, Any]) -> None:
    """The length of a period, and how many there are."""
    table.unit, table.every = period(told.get("frequency", "monthly"))
    if table.kind.frequency and (table.unit, table.every) != period(table.kind.frequency):
        raise UnknownWordsError(f"{table.kind.frequency} instalments, paid {told.get('frequency')}")
    if "every" in told:
        table.every *= int(told["every"])
    if "n" in told:
        table.n = int(told["n"])
    elif isinstance(told.get("periods"), list):
        table.n = len(told["periods"])
    elif "term_months" in told:
        table.n = table.count((int(told["term_months"]), "month"))
    elif table.kind.term:
        table.n = table.count(table.kind.term)
    if table.kind.term and table.n != table.count(table.kind.term):
        raise UnknownWordsError(
            f"{table.n} instalments over {table.kind.term[0]} {table.kind.term[1]}s"
        )
    if "term_years" in told and table.n is None:
        table.n = table.count((int(told["term_years"]), "year"))


def _interest(table: Table, told: dict[str, Any]) -> None:
    """The yearly rate, and what it is divided by for a period."""
    taxes = told.get("taxes", {})
    more = 1 + sum((Decimal(str(t)) for t in taxes.values()), Decimal(0)) / 100
    if "rate_basis" in told:
        table.basis = rate_basis(told["rate_basis"])
    if "day_count" in told:
        table.basis = day_count(told["day_count"])
    if "accrual" in told:
        _accrual(table, told["accrual"])
    if "days_in_year" in told:
        _of_a_year(table, told)
    if "rate" not in told:
        if "rates" not in told and not table.kind.rates:
            raise UnknownWordsError(f"no rate among {', '.join(sorted(told))}")
        told = told | {"rate": (Decimal(0), "annual", False)}
    percent, of, effective = told["rate"]
    if effective:
        table.basis = RateBasis.effective
    elif of == "daily":
        table.basis = RateBasis.daily
    elif of != "annual":
        percent *= A_YEAR[table.unit] / Decimal(table.every) if of == "period" else YEARS[of]
    table.rate = percent * more


def _of_a_year(table: Table, told: dict[str, Any]) -> None:
    """Days of a year and of a month, each a field."""
    year = re.sub(r"[^\dA-Z]", "", str(told["days_in_year"]).upper().replace("DAYS", ""))
    thirty = "30" in str(told.get("days_in_month", "")) or table.unit is Unit.days
    table.basis = {
        "360": RateBasis.thirty_360 if thirty else RateBasis.act_360, "364": RateBasis.act_364,
        "365": RateBasis.act_365f, "ACTUAL": RateBasis.act_act,
    }.get(year, table.basis)  # fmt: skip
    if year not in ("360", "364", "365", "ACTUAL"):
        raise UnknownWordsError(f"days_in_year {told['days_in_year']}")


def _accrual(table: Table, text: str) -> None:
    """`unit period (1/12 year per month); first period 47 actual days/365`."""
    reading = Reading(text)
    reading.take(
        r"\(?1/(?:12|52|24|4) (?:of a )?year (?:per|a|each) (?:month|week|half month|quarter)\)?"
    )
    if named := reading.take(r"^(?:30e?|act(?:ual)?)/36[05]"):
        table.basis = day_count(named[0])
    if reading.take(
        r"odd(?: first)? days?,? (?:are |at |over |by )?(?:actual|act)? ?(?:days? )?/ ?365"
    ):
        table.stub = Stub.plus_days_365
    if reading.take(r"unit periods?(?: ?/ ?360)?"):
        table.basis = (
            RateBasis.thirty_360 if "/360" in plain(text).split(";")[0] else RateBasis.period
        )
    if found := reading.take(
        r"(?:first|odd|initial)(?: period)?(?: of)? ?(\d+) (?:actual )?days ?/ ?(365|360)"
    ):
        if found[2] == "360":
            raise UnknownWordsError("an odd first period over 360 days")
        table.stub, table.kind.first_days = Stub.days_365, int(found[1])
    reading.close("accrual")


def _dates(table: Table, told: dict[str, Any]) -> None:
    """When the loan starts and its first instalment falls due; unnamed, at whole periods."""
    if isinstance(told.get("periods"), list):
        table.start, table.first = (date_of(told["periods"][0][k]) for k in ("from", "due"))
    if "start" in told:
        table.start = date_of(told["start"])
    if "first" in told:
        table.first = date_of(told["first"])
    if table.kind.bullet and "maturity" in told:
        table.first, table.n = date_of(told["maturity"]), 1
        table.kind.amortisation = Amortisation.interest_only
    elif (
        table.kind.bullet and table.kind.capitalises
    ):  # interest joins the principal until the last
        table.kind.grace_principal = table.kind.grace_interest = ((table.n or 1) - 1, "period")
    elif table.kind.bullet:  # all of it at the end of the whole term
        table.every, table.n = table.every * (table.n or 1), 1
        table.kind.amortisation = Amortisation.interest_only
    elif "maturity" in told and table.n is None:
        raise UnknownWordsError("a number of instalments told by the maturity")
    if table.start is None and table.first is None:
        if table.basis in ACTUAL and table.rate:
            raise UnknownWordsError("days are counted, and no date is told")
        table.start = dt.date(2020, 1, 1)
    if table.first is None:
        assert table.start is not None
        table.first = table.start if table.kind.in_advance else after(table, table.start, 1)
    if table.start is None:
        table.start = after(table, table.first, -1)


def after(table: Table, date: dt.date, periods: int) -> dt.date:
    if table.unit is Unit.semi_monthly:
        return date + dt.timedelta(days=15 * periods)
    return _first_due(date, table.unit, table.every * periods)


def _odd_first(table: Table) -> None:
    """A first period told as a sum of parts of a year, or in days."""
    parts = [p for p in table.kind.parts if p[1] != 0]
    if not parts:
        if table.kind.first_days is not None and table.stub is Stub.prorate:
            table.start = _needed(table.first) - dt.timedelta(days=table.kind.first_days)
            table.stub = Stub.days_365
        return
    year = A_YEAR[table.unit]
    odd = [p for p in parts if p[1] in (360, 365, 366)]
    whole = [p for p in parts if p not in odd]
    periods = sum(Decimal(over * year) / (under * table.every) for over, under in whole)
    days = sum(over for over, _ in odd)
    if periods == 2 and not odd and not {"start", "first"} & table.given.keys():
        table.first = dt.date(2021, 12, 1)  # two whole periods, each at its own rate
        table.start, table.stub = after(table, table.first, -2), Stub.forward
        return
    if len({under for _, under in odd}) > 1 or periods not in (0, 1):
        raise UnknownWordsError(f"a first period of {' + '.join(f'{a}/{b}' for a, b in parts)}")
    under = odd[0][1] if odd else 365
    if (
        not {"start", "first"} <= table.given.keys()
    ):  # a month of 30 days, in a leap year if one is meant
        first = dt.date(2020 if under == 366 else 2021, 12, 1)
        table.first = first
        table.start = (after(table, first, -1) if periods else first) - dt.timedelta(days=days)
    elif _needed(table.start) != (
        after(table, _needed(table.first), -1) if periods else _needed(table.first)
    ) - dt.timedelta(days=days):
        raise UnknownWordsError("a first period that its dates contradict")
    stubs = {365: Stub.plus_days_365, 366: Stub.plus_days_actual, 360: Stub.prorate}
    if not periods and under != 360:
        if under == 366:
            raise UnknownWordsError("a first period of days over 366 alone")
        table.stub = Stub.days_365
        return
    table.stub = stubs[under]


def _needed(date: dt.date | None) -> dt.date:
    assert date is not None
    return date


def date_of(text: str) -> dt.date:
    """A date, its parts written with or without leading zeros."""
    return dt.date.fromisoformat("-".join(part.zfill(2) for part in str(text)[:10].split("-")))


def _amounts(table: Table, told: dict[str, Any]) -> None:
    """Instalments, balloons and graces that the terms name."""
    kind = table.kind
    instalment = told.get("instalment", kind.instalment)
    if instalment is not None:
        table.emi = table.minor(instalment)
    if "instalment_of" in told and table.emi is None:
        kind.instalment_of = (int(told["instalment_of"]), "month")
    if "share" in told:
        kind.share, kind.amortisation = Decimal(told["share"]), Amortisation.equal_principal
    percent = told.get("balloon_percent", kind.balloon_percent)
    if percent is not None:
        table.balloon = int((table.principal * Decimal(percent) / 100).to_integral_value())
    if kind.balloon is not None:
        table.balloon = table.minor(kind.balloon)
    if "balloon" in told:
        _told_balloon(table, told["balloon"])
    if "grace_principal" in told:
        kind.grace_principal = (int(told["grace_principal"]), "month")
    if "grace_periods" in told:
        reading = Reading(told["grace_periods"])
        if (many := reading.take(r"\b\d+\b")) is None:
            raise UnknownWordsError(f"interest_only {told['grace_periods']}")
        reading.take(r"\bfirst\b")
        reading.close("interest_only")
        of_months = "month" in reading.told and "monthly" not in reading.told
        kind.grace_principal = (int(many[0]), "month" if of_months else "period")
    if "step" in told:
        kind.step, kind.step_every = (
            Decimal(told["step"]),
            (int(told.get("step_months", 12)), "month"),
        )
    if table.n is None:
        if kind.share:
            table.n = -(-(table.principal) // table.minor(kind.share))
        elif table.emi:
            table.n = 600  # until it is paid
        elif not kind.opening_only and "payments" not in told:
            raise UnknownWordsError("no number of instalments")
    if kind.share:
        table.balloon = table.principal - table.minor(kind.share) * int(table.n or 1)
    table.grace = tuple(  # type: ignore[assignment]
        table.count(g) if g else 0
        for g in (kind.grace_principal, kind.grace_interest, kind.interest_free)
    )
    if not table.principal and not kind.opening_only:
        raise UnknownWordsError("no principal")


def _told_balloon(table: Table, text: Any) -> None:
    """`50000.00`, `20 %` or words that say that the last payment takes the rest."""
    reading = Reading(text)
    if found := reading.take(r"^(\d+(?:\.\d+)?) ?%(?: of (?:the )?principal)?$"):
        table.balloon = int(table.principal * Decimal(found[1]) / 100)
    elif found := reading.take(
        r"^(\d+(?:\.\d+)?)(?:,? (?:due |paid )?(?:with|at|in) (?:the )?(?:last |final )?(?:payment|instalment|month|maturity)(?: (\d+))?)?$"
    ):
        table.balloon = table.minor(found[1])
        if found[2] and int(found[2]) != table.n:
            raise UnknownWordsError(f"a balloon with payment {found[2]} of {table.n}")
    reading.take(r"rest(?: with)?(?: (?:payment|instalment) \d+)?")
    reading.close("balloon")


def segments(table: Table) -> Iterator[tuple[int, Decimal, int | None]]:
    """Rates one after the other: periods of each, yearly per cent, the instalment told."""
    left = int(table.n or 0)
    for length, percent, level in table.kind.rates:
        many = min(table.count(length), left) if length else left
        yield (
            many,
            percent if percent is not None else table.rate,
            table.minor(level) if level else None,
        )
        left -= many
    if left:
        raise UnknownWordsError("rates that end before the loan")
