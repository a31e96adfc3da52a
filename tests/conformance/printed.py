"""Printed dates: day counts, business days, days past due."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from loanbook.core.contract.dates.business_days import BusinessDay, Calendar
from loanbook.core.contract.dates.day_count import CONVENTIONS
from loanbook.core.contract.dates.due_dates import add_months
from loanbook.core.policy.models import Bucket, Buckets
from loanbook.core.servicing.arrears.days_past_due import (
    bucket,
    days_past_due,
    delinquent_days,
    paused_days,
)
from tests.conformance.outcome import Outcome, judged, of
from tests.conformance.period_dates import Stub as DateStub
from tests.conformance.period_dates import period_dates, unadjusted_start

DAY_COUNTS = {
    "ACT/ACTISDA": "ACT/ACT", "ACT/365": "ACT/365F", "ACT/365FIXED": "ACT/365F", "30/360ISDA": "30/360", "30A/360": "30/360",
    "BONDBASIS": "30/360", "30U/360": "30/360 US", "30U/360EOM": "30/360 US", "30/360EOM": "30/360 US",
    "EUROBOND": "30E/360", "30E/360EUROBOND": "30E/360", "NL365": "NL/365", "NOLEAP/365": "NL/365",
}  # fmt: skip
"""Other names of day counts, without spaces and what stands in brackets."""


def _day_count(given: dict[str, Any]) -> str:
    """The name of a day count here."""
    told = str(given["convention"])
    if re.search(r"\bAPR\b", told) or "period" in given:
        return f"EU {given.get('period')}"
    here = {re.sub(r"\s", "", name).upper(): name for name in CONVENTIONS}
    bare = re.sub(r"\s|\(.*?\)", "", told.upper().replace("ACTUAL/", "ACT/")).replace(
        "/ACTUAL", "/ACT"
    )
    if bare.startswith("ACT/365ACT") or told.upper().replace(" ", "").endswith("/365ACTUAL"):
        bare = "ACT/365ACTUAL"
    name = DAY_COUNTS.get(bare) or here.get(bare, told)
    return f"{name} maturity" if given.get("end_is_maturity") else name


ROLLS = {
    "NO_ADJUST": BusinessDay.unadjusted, "FOLLOWING": BusinessDay.following,
    "MODIFIED_FOLLOWING": BusinessDay.modified_following, "PRECEDING": BusinessDay.preceding,
    "MODIFIED_FOLLOWING_BI_MONTHLY": BusinessDay.modified_following_bi_monthly,
    "MODIFIED_PRECEDING": BusinessDay.modified_preceding, "NEAREST": BusinessDay.nearest,
}  # fmt: skip
WEEKDAYS = {"MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6, "SUN": 7}


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat("-".join(part.zfill(2) for part in text.split("-")))


def day_count(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Year fractions as exact rationals."""
    outcomes = []
    for case in cases:
        given = case["inputs"]
        name = _day_count(given)
        if name not in CONVENTIONS:
            outcomes.append(of(case, "not attempted", f"no day count {given['convention']}"))
            continue
        count = CONVENTIONS[name]
        frame = pl.DataFrame({"a": [_date(given["start"])], "b": [_date(given["end"])]})
        days = frame.select(count.numerator(pl.col("a"), pl.col("b"))).item()
        ours = Fraction(days, count.denominator)
        printed = case["expected"].get("year_fraction") or case["expected"]["years"]
        within = Fraction(0) if "year_fraction" in case["expected"] else Fraction(case["tolerance"])
        same = abs(ours - Fraction(printed)) <= within
        outcomes.append(judged(case, [] if same else [f"{ours}, expected {printed}"]))
    return outcomes


def business_days(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Conventions, end-of-month rolls, and whole date schedules with stubs."""
    return [_business_day(case) for case in cases]


def _calendar(given: dict[str, Any]) -> Calendar:
    holidays = tuple(_date(d) for d in given.get("holidays", []))
    return Calendar("case", holidays, tuple(WEEKDAYS[d] for d in given.get("weekend", [])))


def _rule(name: str) -> BusinessDay | None:
    """A business-day convention by its name, however its words are joined."""
    bare = re.sub(r"[^A-Z]", "", name.upper())
    others = {"NONE": "NOADJUST", "UNADJUSTED": "NOADJUST", "NULL": "NOADJUST"}
    here = {re.sub(r"[^A-Z]", "", n): rule for n, rule in ROLLS.items()}
    return here.get(others.get(bare, bare))


def _business_day(case: dict[str, Any]) -> Outcome:
    given, expected = case["inputs"], case["expected"]
    rule = _rule(given.get("convention") or given.get("business_day") or "NO_ADJUST")
    if rule is None:
        return of(
            case,
            "not attempted",
            f"business day {given.get('convention') or given['business_day']}",
        )
    if "convention" in given:
        frame = pl.DataFrame({"d": [_date(given["date"])]})
        moved = frame.select(_calendar(given).adjust(pl.col("d"), rule)).item()
        return judged(case, _differ(moved, expected["date"]))
    if given.get("roll") == "EOM" and "op" in given:
        return _month_end(case)
    if "frequency_months" in given:
        roll = str(given["roll"]).upper().removeprefix("ROLLCONVENTIONS.")
        name = given["stub"].lower()
        if name not in ("null", "stub_none", *DateStub.__members__):
            return of(case, "not attempted", f"stub rule {given['stub']}")
        stub = DateStub.none if name in ("null", "stub_none") else DateStub[name]
        on = re.fullmatch(r"DAY_(\d+)", roll)  # a day of the month
        if roll not in ("NULL", "EOM", "NONE") and on is None:
            return of(case, "not attempted", f"roll convention {given['roll']}")
        start = _date(given["start"])
        if roll == "EOM":
            start = unadjusted_start(start, _calendar(given), rule)
        try:
            dates = period_dates(
                start, _date(given["end"]), given["frequency_months"], stub,
                end_of_month=roll == "EOM", day=int(on[1]) if on else None,
            )  # fmt: skip
        except ValueError as gap:
            return of(case, "not attempted", str(gap))
        frame = pl.DataFrame({"d": dates})
        adjusted = frame.select(_calendar(given).adjust(pl.col("d"), rule)).to_series().to_list()
        return judged(
            case, _differ(dates, expected["unadjusted"]) + _differ(adjusted, expected["adjusted"])
        )
    if "repayment_start" in given:
        first = _date(given["repayment_start"])
        words = str(given.get("rule", "repayment start date")).lower()
        ends = (
            re.search(r"end of (?:the )?(?:current |same |this )?month|month[- ]end", words)
            is not None
        )
        if re.search(r"(?:start|first day|1st) of (?:the )?next month", words):
            first = first.replace(day=1) + dt.timedelta(days=31)  # falls in the next month
            first = first.replace(day=1)
        elif not ends and not re.search(r"repayment start(?: date)?|anniversary|same day", words):
            return of(case, "not attempted", f"due dates by the rule {given['rule']!r}")
        frame = pl.DataFrame({"k": [0, 1, given["n"] - 1]}, schema={"k": pl.Int32})
        due = add_months(pl.lit(first), pl.col("k"), pl.lit(first.day), pl.lit(ends))
        ours = frame.select(due).to_series().to_list()
        return judged(case, _differ(ours, [expected[k] for k in ("first", "second", "last")]))
    return of(case, "not attempted", "inputs of an unknown shape")


FIRST_DAY = r"due date itself|dpd 1 on the due date|due date (?:is|as|counts as) (?:day )?(?:1|one)"
LATER = r"day after (?:the )?due date|dpd 0 on the due date|due date (?:is|as|counts as) (?:day )?(?:0|zero)"
RBI_DAYS = (0, 30, 60, 90)
"""Days that are over when the Reserve Bank of India's classes begin: overdue, SMA-1, SMA-2, NPA."""
SUITE_RULE = "1-3 RANGE_1, 4-30 RANGE_3, 31-60 RANGE_30, 61-90 RANGE_60, 91-120 RANGE_90, 121-150 RANGE_120, 151-180 RANGE_150, 181-240 RANGE_180, 241 RANGE_240"


def _buckets(starts: list[tuple[str, int]]) -> Buckets:
    return Buckets(
        name="case", version=1, effective_from=dt.date(2000, 1, 1),
        ranges=[Bucket(label=label, from_days=days) for label, days in starts],
    )  # fmt: skip


def _ranges(rule: str) -> Buckets:
    """`1-3 RANGE_1, 4-30 RANGE_3`: days and the class that begins with them. The last one told ends
    what the rule says of; older than that are the classes of the suite."""
    found = [(label, int(start)) for start, label in
             re.findall(r"(\d+)(?:\s*-\s*\d+|\+)?:?\s+([A-Za-z]\w*)", rule)]  # fmt: skip
    more = [(label, days) for days, label in
            ((int(d), lab) for d, lab in re.findall(r"(\d+)(?:-\d+)? (\w+)", SUITE_RULE))]  # fmt: skip
    last = max((days for _, days in found), default=-1)
    return _buckets([("NO_DELINQUENCY", 0), *found, *(m for m in more if m[1] > last)])


def days_past_due_tables(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Classification dates by the RBI, and past-due and delinquent days with grace and pauses."""
    return [_classified(case) if "due_date" in case["inputs"] else judged(case, _delinquent(case))
            for case in cases]  # fmt: skip


def _classified(case: dict[str, Any]) -> Outcome:
    """From which date each class is, by the rule's first day past due and its completed days."""
    due, found = _date(case["inputs"]["due_date"]), []
    rule = str(case["inputs"].get("rule", "due date itself")).lower()
    if not re.search(FIRST_DAY, rule) and not re.search(LATER, rule):
        return of(case, "not attempted", f"days past due by the rule {rule!r}")
    counted = 1 if re.search(FIRST_DAY, rule) else 0
    told = re.search(r"completion of ([\d/ ]+) days", rule)
    starts = [0, *map(int, told[1].split("/"))] if told else RBI_DAYS
    labels = ("overdue_SMA0", "SMA1", "SMA2", "NPA")
    classes = _buckets(
        [("current", 0), *((label, n + 1) for label, n in zip(labels, starts, strict=False))]
    )
    first: dict[str, str] = {}
    frame = pl.DataFrame({"due": [due]})
    for n in range(max(starts) + 30):
        on = due + dt.timedelta(days=n)
        days = days_past_due(pl.lit(on), pl.col("due"), pl.lit(counted))
        place = frame.select(bucket(days, classes)).item()
        first.setdefault(classes.ranges[place].label, on.isoformat())
    for label, told in case["expected"].items():
        if first.get(label) != told:
            found.append(f"{label} from {first.get(label)}, expected {told}")
    return judged(case, found)


def _delinquent(case: dict[str, Any]) -> list[str]:
    given, told = case["inputs"], case["expected"]
    classes = _ranges(given.get("bucket_rule", ""))
    as_of, grace = _date(given["business_date"]), int(given.get("grace_days", 0))
    paid = sum((Decimal(p["amount"]) for p in given.get("payments", [])
                if _date(p["date"]) <= as_of), Decimal(0))  # fmt: skip
    late = []
    for each in sorted(given["installments"], key=lambda i: _date(i["due"])):
        asked = Decimal(each.get("amount", 0))  # the oldest is paid first
        settled = min(paid, asked)
        paid -= settled
        if _date(each["due"]) < as_of and (asked > settled or "amount" not in each):
            late.append({"due": each["due"], "amount": asked - settled})
    if not late:
        ours = {"past_due_days": 0, "delinquent_days": 0, "classification": "NO_DELINQUENCY",
                "delinquent_date": None, "delinquent_amount": "0"}  # fmt: skip
        return [
            f"{n} {ours[n]}, expected {v}"
            for n, v in told.items()
            if str(ours[n]) != str(v).replace("0.00", "0")
        ]
    oldest = min(_date(i["due"]) for i in late)
    pauses = [(_date(p["from"]), _date(p["to"])) for p in given.get("pauses", [])]
    frame = pl.DataFrame({"due": [oldest], "from": [[p[0] for p in pauses]], "to": [[p[1] for p in pauses]]},
                         schema={"due": pl.Date, "from": pl.List(pl.Date), "to": pl.List(pl.Date)})  # fmt: skip
    paused = frame.explode("from", "to").select(
        paused_days(pl.lit(as_of), pl.col("from"), pl.col("to")).fill_null(0).sum()
    ).item()  # fmt: skip
    past = days_past_due(pl.lit(as_of), pl.col("due"), pl.lit(0))
    delinquent = delinquent_days(past, pl.lit(grace), pl.lit(paused))
    past_due, days, place = frame.select(past, d=delinquent, b=bucket(delinquent, classes)).row(0)
    ours = {
        "past_due_days": past_due, "delinquent_days": days,
        "classification": classes.ranges[place].label,
        "delinquent_date": (oldest + dt.timedelta(days=grace)).isoformat(),
        "delinquent_amount": str(sum(i["amount"] for i in late)),
    }  # fmt: skip
    return [f"{n} {ours[n]}, expected {v}" for n, v in told.items() if ours[n] != v]


def _month_end(case: dict[str, Any]) -> Outcome:
    given = case["inputs"]
    months = {"adjust": 0, "next": given.get("months", 1), "previous": -given.get("months", 1)}
    date = _date(given["date"])
    frame = pl.DataFrame(
        {"d": [date], "m": [months[given["op"]]]}, schema_overrides={"m": pl.Int32}
    )
    rolled = frame.select(add_months(pl.col("d"), pl.col("m"), pl.lit(31), pl.lit(True))).item()
    return judged(case, _differ(rolled, case["expected"]["date"]))


def _differ(ours: Any, theirs: Any) -> list[str]:
    text = [d.isoformat() for d in ours] if isinstance(ours, list) else ours.isoformat()
    return [] if text == theirs else [f"{text}, expected {theirs}"]
