"""Printed dates: day counts, business days, days past due."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from loanbook.core.contract.business_days import BusinessDay, Calendar
from loanbook.core.contract.day_count import CONVENTIONS
from loanbook.core.contract.due_dates import add_months
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
    "ACT/ACT ISDA": "ACT/ACT", "30/360 ISDA (bond basis)": "30/360", "30U/360 EOM (US)": "30/360 US",
}  # fmt: skip
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
        name = DAY_COUNTS.get(given["convention"], given["convention"])
        if name.startswith("EU APR interval"):
            name = f"EU {given['period']}"
        if given.get("end_is_maturity"):
            name += " maturity"
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


def _business_day(case: dict[str, Any]) -> Outcome:
    given, expected = case["inputs"], case["expected"]
    if "convention" in given:
        frame = pl.DataFrame({"d": [_date(given["date"])]})
        moved = frame.select(
            _calendar(given).adjust(pl.col("d"), ROLLS[given["convention"]])
        ).item()
        return judged(case, _differ(moved, expected["date"]))
    if given.get("roll") == "EOM" and "op" in given:
        return _month_end(case)
    if "frequency_months" in given:
        roll = str(given["roll"]).upper()
        name = given["stub"].lower()
        if name not in ("null", "stub_none", *DateStub.__members__):
            return of(case, "not attempted", f"stub rule {given['stub']}")
        stub = DateStub.none if name in ("null", "stub_none") else DateStub[name]
        if roll not in ("NULL", "EOM", "ROLLCONVENTIONS.NONE"):
            return of(case, "not attempted", f"roll convention {given['roll']}")
        rule, start = ROLLS[given["business_day"]], _date(given["start"])
        if roll == "EOM":
            start = unadjusted_start(start, _calendar(given), rule)
        try:
            dates = period_dates(
                start, _date(given["end"]), given["frequency_months"], stub,
                end_of_month=roll == "EOM",
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
        if "start of next month" in given.get("rule", ""):
            first = first.replace(day=1) + dt.timedelta(days=31)  # falls in the next month
            first = first.replace(day=1)
        frame = pl.DataFrame({"k": [0, 1, given["n"] - 1]}, schema={"k": pl.Int32})
        due = add_months(pl.lit(first), pl.col("k"), pl.lit(first.day), pl.lit(False))
        ours = frame.select(due).to_series().to_list()
        return judged(case, _differ(ours, [expected[k] for k in ("first", "second", "last")]))
    return of(case, "not attempted", "inputs of an unknown shape")


RBI = Buckets(
    name="rbi", version=1, effective_from=dt.date(2021, 11, 12),
    ranges=[Bucket(label=label, from_days=days) for label, days in (
        ("current", 0), ("overdue_SMA0", 1), ("SMA1", 31), ("SMA2", 61), ("NPA", 91))],
)  # fmt: skip
SUITE = Buckets(
    name="suite", version=1, effective_from=dt.date(2000, 1, 1),
    ranges=[Bucket(label=label, from_days=days) for label, days in (
        ("NO_DELINQUENCY", 0), ("RANGE_1", 1), ("RANGE_3", 4), ("RANGE_30", 31), ("RANGE_60", 61))],
)  # fmt: skip


def days_past_due_tables(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Classification dates by the RBI, and past-due and delinquent days with grace and pauses."""
    return [
        judged(case, _classified(case) if "due_date" in case["inputs"] else _delinquent(case))
        for case in cases
    ]


def _classified(case: dict[str, Any]) -> list[str]:
    due, found = _date(case["inputs"]["due_date"]), []
    first: dict[str, str] = {}
    frame = pl.DataFrame({"due": [due]})
    for n in range(120):
        on = due + dt.timedelta(days=n)
        days = days_past_due(pl.lit(on), pl.col("due"), pl.lit(1))
        first.setdefault(RBI.ranges[frame.select(bucket(days, RBI)).item()].label, on.isoformat())
    for label, told in case["expected"].items():
        if first.get(label) != told:
            found.append(f"{label} from {first.get(label)}, expected {told}")
    return found


def _delinquent(case: dict[str, Any]) -> list[str]:
    given, told = case["inputs"], case["expected"]
    as_of, grace = _date(given["business_date"]), given["grace_days"]
    late = [i for i in given["installments"] if _date(i["due"]) < as_of]
    oldest = min(_date(i["due"]) for i in late)
    pauses = [(_date(p["from"]), _date(p["to"])) for p in given.get("pauses", [])]
    frame = pl.DataFrame({"due": [oldest], "from": [[p[0] for p in pauses]], "to": [[p[1] for p in pauses]]},
                         schema={"due": pl.Date, "from": pl.List(pl.Date), "to": pl.List(pl.Date)})  # fmt: skip
    paused = frame.explode("from", "to").select(
        paused_days(pl.lit(as_of), pl.col("from"), pl.col("to")).fill_null(0).sum()
    ).item()  # fmt: skip
    past = days_past_due(pl.lit(as_of), pl.col("due"), pl.lit(0))
    delinquent = delinquent_days(past, pl.lit(grace), pl.lit(paused))
    past_due, days, place = frame.select(past, d=delinquent, b=bucket(delinquent, SUITE)).row(0)
    ours = {
        "past_due_days": past_due, "delinquent_days": days,
        "classification": SUITE.ranges[place].label,
        "delinquent_date": (oldest + dt.timedelta(days=grace)).isoformat(),
        "delinquent_amount": str(sum(Decimal(i.get("amount", 0)) for i in late)),
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
