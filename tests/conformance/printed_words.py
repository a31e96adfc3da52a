"""The words of printed tables: what a rounding, a rate basis, a frequency or a kind of loan means.

Each text is read by rules that take out what they understand. What is left over besides plain filler
words is named by `UnknownWordsError`: no text is mapped by what it happens to begin with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.money import Rounding


class UnknownWordsError(Exception):
    """A field or words of a printed table that have no meaning here."""


NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
           "eleven", "twelve"]  # fmt: skip
ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4"}
FILLER = frozenset(re.findall(r"\w+", """
    table credit mortgage housing consumer personal arrears payable repaid a an and are as at be bears by
    each end every for from full having in into is it its left loan loans of on or paid pay pays per
    period printed rest that the then there thereafter this to until up which whole with year years month
    months monthly payment payments instalment instalments installment installments repayment repayments
    last final amount amounts balance figure figures takes absorbs what regular starting simple nominal
    schedule amortised amortized amortising amortizing borrower principal capital
"""))  # fmt: skip
"""Words that say nothing beside what the rules take out."""
N = r"(\d+(?:\.\d+)?)"
SPAN = r"(year|quarter|month|week|day|payment|instalment|installment|period)s?"


def plain(text: Any) -> str:
    """A text in small letters, its numbers as digits without separators, per cent as %."""
    told = str(text).lower().replace("−", "-").replace("–", "-").replace("½", "0.5")
    told = re.sub(r"(?<=\d),(?=\d{3}\b)", "", told)
    told = re.sub(r"\bper ?cent\b|\bpercent\b|\bpct\b", "%", told)
    for n, word in enumerate(NUMBERS):
        told = re.sub(rf"\b{word}\b", str(n), told)
    told = told.replace("instalment", "instalment").replace("installment", "instalment")
    return re.sub(r"\s+", " ", told).strip()


class Reading:
    """A text that rules take words out of."""

    def __init__(self, text: Any) -> None:
        self.told = plain(text)
        self.left = self.told

    def take(self, pattern: str) -> re.Match[str] | None:
        """The first match, taken out of what is left."""
        found = re.search(pattern, self.left)
        if found:
            self.left = f"{self.left[: found.start()]} ; {self.left[found.end() :]}"
        return found

    def close(self, name: str) -> None:
        """Every word is taken, or says nothing."""
        words = re.findall(r"[a-z]+|\d[\d./]*|%", self.left)
        odd = [word for word in words if word not in FILLER]
        if odd:
            raise UnknownWordsError(f"{name} {self.told!r}: {' '.join(odd)!r} is not understood")


# --- frequency, day count, rounding ----------------------------------------------------

EVERY = {
    "daily": (Unit.days, 1), "weekly": (Unit.weeks, 1), "biweekly": (Unit.weeks, 2),
    "fortnightly": (Unit.weeks, 2), "monthly": (Unit.months, 1), "bimonthly": (Unit.months, 2),
    "quarterly": (Unit.months, 3), "halfyearly": (Unit.months, 6), "semiannually": (Unit.months, 6),
    "semiannual": (Unit.months, 6), "yearly": (Unit.months, 12), "annually": (Unit.months, 12),
    "annual": (Unit.months, 12), "semimonthly": (Unit.semi_monthly, 1),
    "twiceamonth": (Unit.semi_monthly, 1),
}  # fmt: skip
LENGTHS = {"day": (Unit.days, 1), "week": (Unit.weeks, 1), "fortnight": (Unit.weeks, 2),
           "month": (Unit.months, 1), "quarter": (Unit.months, 3), "half-year": (Unit.months, 6),
           "year": (Unit.months, 12), "half month": (Unit.semi_monthly, 1)}  # fmt: skip


def period(text: Any) -> tuple[Unit, int]:
    """`monthly`, `every 15 days`, `QUARTERLY`, `3 months`, `MONTHS`: unit and how many of it."""
    told = plain(text)
    if (whole := EVERY.get(re.sub(r"[\s-]", "", told))) is not None:
        return whole
    lengths = "|".join(sorted(LENGTHS, key=len, reverse=True))
    found = re.fullmatch(
        rf"(?:every |each |once (?:a|per) |a |per )?(\d+)?\s*({lengths})s?(?: \(.*\))?", told
    )
    if found is None:
        raise UnknownWordsError(f"frequency {text!r}")
    unit, times = LENGTHS[found[2]]
    return unit, times * int(found[1] or 1)


BASES = {
    "ACT/365": RateBasis.act_365f, "ACT/365F": RateBasis.act_365f, "ACT/365FIXED": RateBasis.act_365f,
    "ACT/360": RateBasis.act_360, "ACT/364": RateBasis.act_364, "ACT/ACT": RateBasis.act_act,
    "ACT/ACTISDA": RateBasis.act_act, "ACT/365ACTUAL": RateBasis.act_365_actual,
    "ACT/365A": RateBasis.act_365_actual, "30/360": RateBasis.thirty_360,
    "30/360ISDA": RateBasis.thirty_360, "30E/360": RateBasis.thirty_e_360, "30A/360": RateBasis.thirty_360,
    "PERIOD": RateBasis.period, "1/12": RateBasis.period, "NOMINAL/12": RateBasis.period,
}  # fmt: skip


def day_count(text: Any) -> RateBasis:
    """A day count by its name, however it is written."""
    name = re.sub(r"\s", "", str(text).upper()).replace("ACTUAL", "ACT").replace("EXACT", "ACT")
    name = re.sub(r"\(.*\)|DAYS?", "", name).replace("/365ACT", "/365ACTUAL")
    if name not in BASES:
        raise UnknownWordsError(f"day count {text!r}")
    return BASES[name]


def rate_basis(text: Any) -> RateBasis:
    """`nominal, monthly = annual/12`, `annual/12`, `effective`, `daily = annual/365`, `30/360`."""
    reading = Reading(text)
    if reading.take(r"\beffective\b|\bcompound\w*\b"):
        return RateBasis.effective
    found = reading.take(
        r"(?:annual|nominal|yearly|rate|year|apr)?\s*(?:rate\s*)?/\s*(12|6|4|3|2|1|52|26|24|365|360)\b"
    )
    if found and found[1] in ("365", "360"):
        return RateBasis.act_365f if found[1] == "365" else RateBasis.act_360
    if found or reading.take(
        r"\b(nominal|periodic|proportional|unit period)\b|^(?:annual|yearly)$"
    ):
        return RateBasis.period
    return day_count(text)


@dataclass
class RoundingWords:
    """How interest and instalments are rounded; `None` where nothing was told."""

    interest: Rounding | None = None
    interest_unit: Decimal | None = None
    instalment: Rounding | None = None
    instalment_unit: Decimal | None = None
    level_last: bool = False
    unrounded: bool = False


MODES = (
    (r"half[- ]?up|half away|away from 0|commercial\w*", Rounding.half_up),
    (r"half[- ]?even|banker'?s?", Rounding.half_even),
    (r"\b(?:round\w* )?(?:ceil\w*|up(?:wards?)?)\b", Rounding.up),
    (r"\b(?:round\w* )?(?:floor\w*|down(?:wards?)?|truncat\w*|cut(?: off)?)\b", Rounding.down),
    (r"\b(?:round\w* to )?(?:the )?nearest\b|\brounded\b", Rounding.half_up),
)
AMOUNTS = (
    (r"\b(?:cents?|penn(?:y|ies)|pence|paisa|paise|centimes?|2 (?:decimals?|dp|places))\b|\b0\.01\b", Decimal("0.01")),
    (r"\b0\.05\b|\b5 cents?\b|rappen", Decimal("0.05")),
    (r"\bhundreds?\b", Decimal(100)), (r"\btens?\b", Decimal(10)),
    (r"\b(?:whole|full|integer|unit|yen|rupees?|dollars?|euros?|pounds?|lira|0 decimals?)\b(?: (?:currency )?(?:unit|yen|rupee|dollar|euro|pound|lira|amount)s?)?", Decimal(1)),
)  # fmt: skip
MULTIPLE = r"\b(\d+(?:\.\d+)?)\b(?: (?:cents?|yen|rupees?|dollars?|euros?|pounds?|lira))?"


def rounding(text: Any, found: RoundingWords, of: str = "") -> None:
    """Add what a text says of rounding; `of` names a field that speaks of one figure alone."""
    for clause in re.split(r"[;,]", str(text)):
        reading = Reading(clause)
        if reading.take(
            r"(?:final|last) (?:payment|instalment) (?:is )?not adjusted|(?:final|last) (?:payment|instalment) (?:is )?(?:level|as high)"
        ):
            found.level_last = True
            reading.close("rounding")
            continue
        if reading.take(r"(?:final|last) (?:payment|instalment) (?:is )?(?:adjusted|corrected)"):
            reading.close("rounding")  # it absorbs, as is plain
            continue
        if reading.take(
            r"(?:carried |kept |is |are |un)?(?:carried )?unrounded|not rounded|full precision|no rounding"
        ):
            found.unrounded = True
            continue
        if reading.take(r"every (?:printed )?figure|figures? (?:as )?(?:printed|shown)|display"):
            continue
        whose = of
        if reading.take(r"\binterest\b"):
            whose = "interest"
        elif reading.take(r"\b(?:payments?|instalments?|emi)\b(?! absorbs)") and not of:
            whose = "instalment" if not reading.take(r"\b(?:last|final|at each|level)\b") else ""
        mode = next((m for p, m in MODES if reading.take(p)), None)
        unit = (
            next((u for p, u in AMOUNTS if reading.take(p)), None)
            if not (
                many := reading.take(MULTIPLE)
                if re.search(MULTIPLE, reading.left) and "decimal" not in reading.left
                else None
            )
            else Decimal(many[1]) / (100 if "cent" in many[0] else 1)
        )
        reading.take(r"\bnext\b|\bmultiples? of\b")
        reading.take(
            r"\bround(?:ed|ing|s)?\b|\bpayments?\b|\bat each\b|\blevel\b|\bonce\b|\bnearest\b"
        )
        reading.close("rounding")
        if mode is None and unit is None:
            continue
        mode = Rounding.half_up if mode is None else mode
        if whose in ("", "interest"):
            found.interest, found.interest_unit = mode, unit or found.interest_unit
        if whose in ("", "instalment"):
            found.instalment, found.instalment_unit = mode, unit or found.instalment_unit


# --- the kind of loan ------------------------------------------------------------------


@dataclass
class Kind:
    """What the words for the kind of loan say; lengths as (how many, of what)."""

    amortisation: Amortisation = Amortisation.equal_instalment
    bullet: bool = False
    opening_only: bool = False
    fraction: tuple[Fraction, ...] = ()
    """Parts of a year that make the odd first period, as printed: 3/365 and 1/12."""
    parts: tuple[tuple[int, int], ...] = ()
    first_days: int | None = None
    instalment: Decimal | None = None
    share: Decimal | None = None
    instalment_of: tuple[int, str] | None = None
    balloon: Decimal | None = None
    balloon_percent: Decimal | None = None
    step: Decimal | None = None
    step_every: tuple[int, str] = (1, "year")
    rates: list[tuple[tuple[int, str] | None, Decimal | None, Decimal | None]] = field(
        default_factory=list
    )
    """Rates one after the other: for how long (None: to the end), per cent, the instalment told."""
    grace_principal: tuple[int, str] | None = None
    grace_interest: tuple[int, str] | None = None
    interest_free: tuple[int, str] | None = None
    capitalises: bool = False
    in_advance: bool = False
    """The first instalment is paid on the day of the payout."""
    rounding: str = ""
    """How interest is rounded, in words, and how figures that are named ..."""
    figures: str = ""
    term: tuple[int, str] | None = None
    frequency: str | None = None
    """... and how often is paid, which must be what the table says."""


UP, DOWN = (
    r"grow\w*|ris\w+|increas\w+|step(?:s|ped)?[- ]?up|up",
    r"fall\w*|decreas\w+|declin\w+|drop\w*|shrink\w*|step(?:s|ped)?[- ]?down|down",
)
FRACTIONS = r"((?:\d+/\d+|\d+\.?\d* ?/ ?\d+)(?:\s*(?:\+|and|plus|-|less|minus)\s*\d+/\d+)*)"


def _odd_first(text: Reading, kind: Kind) -> None:
    first = r"(?:(?:long|short|odd|irregular|broken)(?:er)? )?(?:1st|first|initial) (?:period|instalment|interest period|stub)(?: of| is| bears|:)?"
    if found := text.take(rf"{first}\s*{FRACTIONS}(?:\s*of a year)?(?:\s*at simple interest)?"):
        parts, sign = [], 1
        for part in re.findall(r"\d+/\d+|\+|and|plus|-|less|minus", found[1]):
            if "/" not in part:
                sign = -1 if part in ("-", "less", "minus") else 1
                continue
            over, under = map(int, part.split("/"))
            parts.append((sign * over, under))
        kind.parts = tuple(parts)
    elif found := text.take(rf"{first}\s*(?:after )?(\d+) (?:actual )?days"):
        kind.first_days = int(found[1])
    text.take(r"at simple interest")


def _rates(text: Reading, kind: Kind) -> None:
    text.left = re.sub(r"\b(first|initial) (year|month|quarter|week)\b", r"\1 1 \2", text.left)
    text.take(r"(?:instalments?|payments?) (?:is |are )?(?:recomputed|recalculated|recast)")
    told = rf"(?:,? ?(?:with |and |an? )*(?:instalment|payment)(?: of)? {N})?"
    opens = text.take(
        rf"(?:for )?(?:the )?(?:first|initial) (\d+) {SPAN},? (?:at |bears? |with )?{N} ?%{told}"
    ) or text.take(rf"(?<!then )(?<!next )(\d+) {SPAN},? at {N} ?%{told}")
    if opens is None and (
        opens := text.take(
            rf"(?:rate )?(?:of |at )?{N} ?% (?:for|in|during) (?:the )?(?:first )?(\d+) {SPAN}{told}"
        )
    ):
        length, percent, level = (int(opens[2]), opens[3]), opens[1], opens[4]
    elif opens:
        length, percent, level = (int(opens[1]), opens[2]), opens[3], opens[4]
    else:
        return
    kind.rates.append((length, Decimal(percent), Decimal(level) if level else None))
    after = rf"(?:then|thereafter|afterwards|after that|next|followed by|(?:the )?rest|remaining {SPAN}?)"
    many = rf"(?: (?:for )?(?:the )?(?:next )?(\d+) {SPAN})?"
    while found := text.take(
        rf"{after}(?: of the term)?{many}:? ?(?:at |bears? |with )?{N} ?%(?:,? ?(?:with |and |an? )*(?:instalment|payment)?(?: of)? ?{N}(?! ?%)(?! {SPAN}))?"
    ):
        groups = [g for g in found.groups() if g and not re.fullmatch(SPAN, g)]
        span = (
            next((g for g in found.groups()[1:] if g and re.fullmatch(SPAN, g)), None)
            if found[2]
            else None
        )
        length = (int(found[2]), found[3]) if found[2] and span else None
        numbers = groups[1:] if length else groups
        level = Decimal(numbers[1]) if len(numbers) > 1 else None
        kind.rates.append((length, Decimal(numbers[0]), level))


def _steps(text: Reading, kind: Kind) -> None:
    every = rf"(?:an?|each|every|per) ?(\d+)? ?{SPAN}|(yearly|annually|monthly|quarterly)"
    found = text.take(
        rf"(?:(?:instalments?|payments?|annuity)(?:(?: of)? (?P<first>\d+(?:\.\d+)?))?(?: (?:that|which))? ?)?(?:({UP})|({DOWN}))(?:ing)?(?: annuity| instalments?| payments?| loan)?,? ?(?:by )?{N} ?(%)?,? ?(?:{every})"
    )
    if found is None:
        return
    first, up, _, many, percent, times, of, spoken = found.groups()
    if percent is None:
        raise UnknownWordsError("instalments that grow or fall by an amount")
    kind.step = Decimal(many) * (1 if up else -1)
    words = {"yearly": "year", "annually": "year", "monthly": "month", "quarterly": "quarter"}
    kind.step_every = (int(times or 1), of or words[spoken])
    if first:
        kind.instalment = Decimal(first)


def _balloon(text: Reading, kind: Kind) -> None:
    if not re.search(
        r"\bballoon\b|\bresidual\b|final value|\bloan amorti[sz]ed over\b|instalment of an? \d",
        text.left,
    ):
        return
    if found := text.take(
        rf"(?:(?:instalment|payment)s? of|as|amorti[sz]ed (?:over|as)|amorti[sz]ation (?:over|of)) ?(?:an? )?(\d+)[- ]{SPAN}(?: (?:loan|annuity|term|amorti[sz]ation))?"
    ):
        kind.instalment_of = (int(found[1]), found[2])
        # the balance that is left then is told, not agreed
        text.take(
            rf"balance(?: of)? {N}(?: ?\+ ?(?:the )?last instalment)?(?: (?:at|in|after|with) (?:month|instalment|payment|period) \d+)?"
        )
        text.take(rf"balloon(?: of)? {N}")
    elif (
        found := text.take(
            rf"(?:balloon|residual(?: value)?)(?: payment)?(?: of|:| is)? ?{N} ?%(?: of (?:the )?(?:principal|loan|amount|price))?"
        )
    ) or (
        found := text.take(
            rf"{N} ?%(?: of (?:the )?(?:principal|loan|amount))?(?: as| of)? (?:an? )?(?:balloon|residual)"
        )
    ):
        kind.balloon_percent = Decimal(found[1])
    elif found := text.take(
        rf"(?:balloon|residual(?: value)?)(?: payment)?(?: of|:| is)? ?{N}"
    ) or text.take(rf"{N} balloon"):
        kind.balloon = Decimal(found[1])
    text.take(r"\b(?:balloon|residual)(?: value| payment)?\b")
    text.take(
        r"with (?:the )?(?:last|final) (?:instalment|payment)|at (?:month|instalment|payment) \d+|at maturity"
    )


def _graces(text: Reading, kind: Kind) -> None:
    if found := text.take(
        rf"interest[- ]free (?:for )?(?:the )?(?:first )?(\d+) {SPAN}|no interest (?:for|in) (?:the )?(?:first )?(\d+) {SPAN}"
    ):
        kind.interest_free = (int(found[1] or found[3]), found[2] or found[4])
    if found := text.take(
        rf"(?:full grace|moratorium|no payments?|payment holiday|deferment|deferred)(?: of| for| in)?(?: the)?(?: first)? (\d+) {SPAN}"
    ):
        kind.grace_principal = kind.grace_interest = (int(found[1]), found[2])
    if found := text.take(
        rf"(?:first )?(\d+) {SPAN}:? (?:are |is )?(?:without|with no|no) (?:any )?payments?"
    ):
        kind.grace_principal = kind.grace_interest = (int(found[1]), found[2])
    only = rf"(?:interest[- ]only|no principal|(?:principal |capital )?grace(?: period)?)(?: of| for| in| during|:)?(?: the)?(?: first)? (\d+) {SPAN}"
    first = rf"(?:the )?(?:first )?(\d+) {SPAN}:?(?: (?:are|of|is))? (?:interest[- ]only|(?:principal |capital )?grace)"
    found = (
        text.take(only)
        or text.take(first)
        or text.take(rf"(\d+) {SPAN}(?: of)? (?:interest[- ]only|(?:principal |capital )?grace)")
    )
    if found:
        kind.grace_principal = (int(found[1]), found[2])
    if text.take(
        r"(?:un?paid )?interest (?:is )?(?:capitali[sz]ed|added to (?:the )?principal|joins the principal)|capitali[sz](?:ed|ing)(?: interest)?|negative amorti[sz]ation"
    ):
        kind.capitalises = True


def _shapes(text: Reading, kind: Kind) -> None:
    """How principal is spread."""
    shapes: tuple[tuple[str, Callable[[re.Match[str]], None]], ...] = (
        (r"interest on (?:the )?opening balance", lambda m: setattr(kind, "opening_only", True)),
        (r"(?:bullet|lump sum|single (?:re)?payment|1 payment|principal and interest (?:paid )?(?:together )?at (?:the )?(?:end|maturity)|interest (?:is )?(?:paid )?at maturity)(?: (?:re)?payment| loan)?(?: at (?:the )?(?:end|maturity))?",
         lambda m: setattr(kind, "bullet", True)),
        (rf"(?:equal|constant|level|fixed|linear|same) (?:principal|capital)(?: (?:re)?(?:payments?|instalments?|amounts?|shares?|portions?))?(?: of)?(?: {N})?|german(?: amorti[sz]ation)?|serial(?: loan)?|straight[- ]line|linear(?: amorti[sz]ation)?|decreasing instalments?",
         lambda m: (setattr(kind, "amortisation", Amortisation.equal_principal),
                    m[1] and setattr(kind, "share", Decimal(m[1])))),
        (r"interest[- ]only(?: loan)?|(?:only )?interest (?:is )?(?:paid )?(?:monthly|quarterly|yearly|weekly|each period)",
         lambda m: setattr(kind, "amortisation", Amortisation.interest_only)),
        (r"\bflat(?: rate)?(?: interest)?|add[- ]on(?: interest| rate)?",
         lambda m: setattr(kind, "amortisation", Amortisation.flat)),
        (rf"(?:annuity|(?:level|equal|constant|fixed|same) (?:monthly )?(?:payments?|instalments?)|emi|french(?: amorti[sz]ation)?|fully amorti[sz]\w+)(?: (?:of )?{N})?|(?:instalments?|payments?)(?: of)? {N}",
         lambda m: (m[1] or m[2]) and setattr(kind, "instalment", Decimal(m[1] or m[2]))),
    )  # fmt: skip
    for pattern, told in shapes:
        while found := text.take(pattern):
            told(found)
    if kind.bullet and kind.amortisation is Amortisation.interest_only:
        kind.bullet = False  # interest is paid period by period
    text.take(
        r"principal (?:is )?(?:paid )?(?:in full )?(?:with|at) (?:the )?(?:last|final|end|maturity)(?: (?:payment|instalment))?|last (?:instalment|payment|principal)? ?(?:is )?smaller|smaller last"
    )


def _about(text: Reading, kind: Kind) -> None:
    """How often is paid, for how long, and how figures are rounded."""
    level = r"(?:(?:equal|level|constant|fixed|same) )?"
    often = r"(yearly|annual|monthly|quarterly|half-yearly|weekly|biweekly|fortnightly)"
    if found := text.take(rf"\b{level}{often} (?:instalments?|payments?|annuity)"):
        kind.frequency = found[1]
        text.left += " annuity"
    if text.take(
        r"annuity[- ]due|(?:instalments?|payments?|paid|payable|annuity),? in advance|at the (?:beginning|start) of (?:each|every|the) (?:period|month|quarter|year)"
    ):
        kind.in_advance = True
        text.left += " annuity"
    text.take(r"\bdue\b(?! (?:to|from))")
    text.take(r"interest (?:is )?(?:paid|due|payable) with the (?:first|1) (?:instalment|payment)")
    ahead = r"(?<!instalment of a )(?<!instalment of an )(?<!as a )(?<!as an )"
    if found := text.take(
        rf"\bover (\d+) (year|month|week)s?\b|\b{ahead}(\d+)[- ](year|month)[- ](?=loan|annuity|mortgage)"
    ):
        kind.term = (int(found[1] or found[3]), found[2] or found[4])
    if found := text.take(
        r"[;,]? ?(?:interest|instalments?|payments?) (?:is |are )?rounded [^;,]*"
    ):
        kind.figures = found[0].strip(" ;,")
    text.take(
        r"\bteaser(?: rate)?\b|\blast 1 \d+(?:\.\d+)?|\b(?:last|final) (?:instalment|payment)(?: of)? \d+(?:\.\d+)?"
    )
    how = r"half[- ]?(?:up|even)|floor|ceil\w*|rounded (?:up|down)|truncat\w*"
    if found := text.take(rf"\b(?:rounded )?(?:{how})(?: to (?:the )?(?:nearest )?\w+)?"):
        kind.rounding = found[0]


def kind_of(text: Any) -> Kind:
    """What a table's words for its kind of loan say."""
    kind, reading = Kind(), Reading(text)
    for rule in (_about, _odd_first, _rates, _steps, _balloon, _graces, _shapes):
        rule(reading, kind)
    reading.close("type")
    return kind
