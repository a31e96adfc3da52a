"""The reference against figures that others printed, over several families of cases."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from tests.oracle.compare import rules_of, with_products
from tests.oracle.options import SINCE
from tests.oracle.reference.dates import moved, year_fraction
from tests.oracle.reference.life import live
from tests.oracle.reference.model import Event, Terms
from tests.oracle.reference.schedule import Plan

CASES = Path(__file__).parents[1] / "conformance" / "cases"
BASES = {
    "ACT/ACT ISDA": "ACT/ACT", "ACT/360": "ACT/360", "ACT/364": "ACT/364", "ACT/365F": "ACT/365F",
    "30E/360": "30E/360", "30/360 ISDA (bond basis)": "30/360",
}  # fmt: skip
CONVENTIONS = ("NO_ADJUST", "FOLLOWING", "PRECEDING", "MODIFIED_FOLLOWING", "MODIFIED_PRECEDING")
ACTUAL_BASES = {
    ("360", "30"): "30/360",
    ("ACTUAL", "ACTUAL"): "ACT/ACT",
    ("365", "ACTUAL"): "ACT/365F",
}

NEW_YEAR = ("PS0003", "PS0004", "PS0037")
"""Fineract counts the night of 31 December with the new year; ISDA 2006, 4.16(b), with the old one."""


def cases(file: str) -> list[dict[str, Any]]:
    with gzip.open(CASES / file, "rt") as lines:
        return [json.loads(line) for line in lines]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def cents(text: str) -> int:
    return int(Fraction(text) * 100)


def product(policies: PolicyBook, *, accrual: str = "daily", due: str = "due_date",
            excess: str = "next_instalment", **schedule: Any) -> Any:  # fmt: skip
    made = Product.model_validate(
        {
            "name": "printed", "version": 1, "effective_from": SINCE, "entity": "us-consumer",
            "currency": "USD", "schedule": {"amortisation": "equal_instalment"} | schedule,
            "interest": {"accrual": accrual, "interest_due_at": due}, "payments": {"excess": excess},
        }
    )  # fmt: skip
    return rules_of(with_products(policies, []), made)


def monthly(principal: int, rate: str, n: int, start: str, first: str, **more: Any) -> Terms:
    due = day(first)
    return Terms(
        principal, Fraction(rate) / 100, n, more.pop("every", 1), more.pop("unit", "months"),
        day(start), due, more.pop("anchor", due.day), **more,
    )  # fmt: skip


def test_day_counts_are_those_printed() -> None:
    seen = [c for c in cases("printed/day_count.jsonl.gz") if c["inputs"]["convention"] in BASES]
    assert len(seen) == 44
    for case in seen:
        told = case["inputs"]
        found = year_fraction(BASES[told["convention"]], day(told["start"]), day(told["end"]))
        assert found == Fraction(case["expected"]["year_fraction"]), case["id"]


def test_business_days_are_those_printed() -> None:
    all_ = cases("printed/business_days.jsonl.gz")
    seen = [c for c in all_ if c["inputs"].get("convention") in CONVENTIONS]
    assert len(seen) == 22
    for case in seen:
        told = case["inputs"]
        convention = told["convention"].lower().replace("no_adjust", "unadjusted")
        weekend = [6, 7] if told["weekend"] == ["SAT", "SUN"] else []
        holidays = {day(h) for h in told["holidays"]}
        found = moved(day(told["date"]), convention, weekend, holidays)
        assert found == day(case["expected"]["date"]), case["id"]


def _plain(case: dict[str, Any]) -> bool:
    """Progressive level instalments on a falling balance, nothing beside."""
    terms = case["terms"]
    return (
        terms["schedule_type"] == "PROGRESSIVE"
        and terms["interest_type"] == "DECLINING_BALANCE"
        and (terms["days_in_year"], terms["days_in_month"]) in ACTUAL_BASES
        and not terms["down_payment"]["enabled"]
        and terms["installment_amount_multiple_of"] in (None, 0, 1)
        and not terms.get("fixed_length_days")
        and case["schedule"]["complete"]
        and not terms["currency_multiple_of"]
        and terms["interest_calculation_period"] == "DAILY"
        and not terms.get("days_in_year_custom_strategy")
        and case["business_date"] <= case["schedule"]["rows"][1]["due_date"]
        and case["id"] not in (*NEW_YEAR, "PS0095")  # its currency rounds to whole units
    )


def test_plain_schedules_are_those_of_fineract(policies: PolicyBook) -> None:
    seen = [c for c in cases("fineract/plain_schedules.jsonl.gz") if _plain(c)]
    off = [c["id"] for c in seen if _schedule(policies, c) != _printed(c)]
    assert len(seen) >= 40
    assert not off


def _printed(case: dict[str, Any]) -> list[tuple[int, int]]:
    rows = [r for r in case["schedule"]["rows"] if r["kind"] == "installment"]
    return [(cents(r["interest"]), cents(r["principal_due"])) for r in rows]


def _schedule(policies: PolicyBook, case: dict[str, Any]) -> list[tuple[int, int]]:
    told = case["terms"]
    rows = [r for r in case["schedule"]["rows"] if r["kind"] == "installment"]
    terms = monthly(
        cents(case["disbursement"]["amount"]), told["annual_interest_rate"], len(rows),
        case["disbursement"]["date"], rows[0]["due_date"], every=told["repayment_every"],
        unit=told["repayment_frequency_type"].lower(),
        anchor=day(case["disbursement"]["date"]).day,
    )  # fmt: skip
    rules = product(
        policies, accrual="scheduled", smooth_last_instalment=True,
        rate_basis=ACTUAL_BASES[told["days_in_year"], told["days_in_month"]],
        grace_principal=told["grace_on_principal_payment"],
    )  # fmt: skip
    plan = Plan(rules, terms)
    emi = plan.level(terms.principal, 1, 0)
    return [(r.interest, r.principal) for r in plan.rows(terms.principal, 1, 0, emi)]


def test_the_level_instalment_of_the_domain(policies: PolicyBook) -> None:
    rules = product(policies, rate_basis="period")
    terms = monthly(10_000_000, "9.99", 36, "2024-01-01", "2024-02-01")
    assert Plan(rules, terms).level(terms.principal, 1, 0) == 322_625


def test_a_japanese_annuity(policies: PolicyBook) -> None:
    rules = product(policies, rate_basis="period", instalment_rounding="half_up")
    terms = monthly(10_000_000, "3.2", 50, "2024-01-01", "2024-02-01")
    assert Plan(rules, terms).level(terms.principal, 1, 0) == 213_896


@pytest.mark.parametrize("name", ["sch-sherman-equal-act365", "sch-sherman-balloon-act365"])
def test_a_life_paid_as_agreed_has_the_printed_splits(policies: PolicyBook, name: str) -> None:
    case = next(c for c in cases("printed/schedules.jsonl.gz") if c["id"] == name)
    told, rows = case["inputs"], case["expected"]["rows"]
    level = cents(case["expected"]["payment"])
    terms = monthly(
        cents(told["principal"]), told["rate_percent"], 12, told["loan_date"],
        told["first_payment"], emi=level,
    )  # fmt: skip
    rules = product(policies, rate_basis="ACT/365F", interest_rounding="half_up")
    plan = Plan(rules, terms)
    paid = [Event("payment_received", plan.due_date(k), level, f"p{k:02}") for k in range(1, 13)]
    days = live(
        rules, terms, [Event("disbursed", terms.disbursed_on, terms.principal, "d"), *paid],
        plan.due_date(12),
    )  # fmt: skip
    on = {each.date: each for each in days}
    assert on[day(rows["1"]["date"])].principal == cents(rows["1"]["closing"])
    last = cents(rows["12"]["opening"]) + cents(rows["12"]["interest"]) - level
    end = on[plan.due_date(12)]
    assert end.principal + end.interest_due == last


def test_daily_interest_rounded_down_at_each_payment(policies: PolicyBook) -> None:
    case = next(c for c in cases("printed/schedules.jsonl.gz") if c["id"] == "sch-fs-settlement-1")
    told, expected = case["inputs"], case["expected"]
    terms = monthly(
        cents(told["principal"]), told["daily_rate_percent"], 5, told["start"], "2023-12-22"
    )
    rules = product(
        policies, due="payment_date", excess="next_then_principal", rate_basis="daily",
        interest_rounding="down",
    )  # fmt: skip
    paid = [
        Event("payment_received", day(p["date"]), cents(p["amount"]), f"p{n}")
        for n, p in enumerate(told["payments"])
    ]
    days = live(
        rules, terms, [Event("disbursed", terms.disbursed_on, terms.principal, "d"), *paid],
        day(told["payoff_date"]),
    )  # fmt: skip
    on = {each.date: each for each in days}
    balances = [on[p.value_date].principal for p in paid]
    assert balances == [cents(r["balance"]) for r in expected["rows"]]
    assert days[-1].interest_accrued == cents(expected["payoff_interest"])


@pytest.mark.parametrize("name", ["dpd-in-2023", "dpd-in-nabkisan"])
def test_days_past_due_by_the_rule_of_india(policies: PolicyBook, name: str) -> None:
    case = next(c for c in cases("printed/dpd.jsonl.gz") if c["id"] == name)
    due, expected = day(case["inputs"]["due_date"]), case["expected"]
    made = product(policies, rate_basis="ACT/365F")
    rbi = made.delinquency.model_copy(update={"convention": "rbi"})
    rules = type(made)(**(made.__dict__ | {"delinquency": rbi}))
    terms = monthly(100_000, "0", 1, (due - dt.timedelta(days=30)).isoformat(), due.isoformat())
    days = live(
        rules, terms, [Event("disbursed", terms.disbursed_on, terms.principal, "d")],
        day(expected["NPA"]),
    )  # fmt: skip
    on = {each.date: each.days_past_due for each in days}
    assert on[due] == 1
    for status, past in (("SMA1", 31), ("SMA2", 61), ("NPA", 91)):
        assert on[day(expected[status])] == past
