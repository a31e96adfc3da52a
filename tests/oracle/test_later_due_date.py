"""The due date of a later instalment than the next is moved ahead: those before it stay what they were."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from loanbook.core.policy.book import PolicyBook
from tests.core.loans import product_of
from tests.oracle.compare import Sides, both_sides, differences, planned, with_products
from tests.oracle.lives import Life
from tests.oracle.reference.model import Event, Terms

PAID_OUT, FIRST, ORDERED = dt.date(2024, 1, 15), dt.date(2024, 2, 15), dt.date(2024, 1, 25)
THROUGH = dt.date(2024, 8, 20)
PARTS_ORDERED = dt.date(2024, 3, 20)
"""Of equal parts, after the second: 1,200.03 in six is 200.00 each, what is left in four 200.01."""
FOLLOWS = {"business_day": "following", "calendar": "us-federal"}
MONTHS, HALVES, ENDS = ("months", 15, 16), ("semi_monthly", 15, 30), ("months", 31, 16)

# product, what its schedule has, unit and anchor days, from when on, to which date, whether the level is solved
# anew, and how many instalments are paid on their day (the rest are late)
CASES: tuple[tuple[str, dict[str, Any], tuple[str, int, int], str, str, bool, int], ...] = (
    ("instalment-act365", {}, MONTHS, "2024-04-15", "2024-05-02", True, 6),
    ("instalment-act365", {}, MONTHS, "2024-04-15", "2024-05-02", False, 6),
    # any day since the instalment before names it, and it may fall due earlier
    ("instalment-act365", {}, MONTHS, "2024-03-20", "2024-04-05", True, 6),
    # the last one, where none falls due so late
    ("instalment-act365", {}, MONTHS, "2024-12-24", "2024-12-24", True, 6),
    ("interest-only", {}, MONTHS, "2024-04-15", "2024-05-02", True, 6),
    ("instalment-act365", FOLLOWS, MONTHS, "2024-04-15", "2024-05-04", True, 6),
    ("instalment-act365", FOLLOWS | {"adjust_accrual": True}, MONTHS, "2024-04-15", "2024-05-04", False, 6),
    ("multi-tranche", {}, MONTHS, "2024-04-15", "2024-05-30", False, 6),
    ("multi-tranche", {}, MONTHS, "2024-04-15", "2024-05-30", True, 6),
    ("equal-principal", {}, MONTHS, "2024-05-15", "2024-05-31", True, 6),
    ("instalment-act365", {}, HALVES, "2024-03-15", "2024-03-30", True, 6),
    # due at the month's end: it stays there, or goes to another day of the month
    ("instalment-act365", {}, ENDS, "2024-03-31", "2024-04-30", False, 6),
    ("instalment-act365", {}, ENDS, "2024-03-31", "2024-04-20", True, 6),
    ("instalment-act365", {}, ENDS, "", "2024-02-20", True, 0),
    ("instalment-act365", {}, MONTHS, "2024-04-15", "2024-05-02", False, 2),
)  # fmt: skip


@pytest.fixture(scope="module")
def sides(policies: PolicyBook) -> Sides:
    plan, products, lives = planned(with_products(policies, [])), [], []
    for n, (name, rules, (unit, day, second), since, to, solved, on_time) in enumerate(CASES, 1):
        plain = product_of(policies, name)
        schedule = plain.schedule.model_copy(update=rules)
        told = {"name": f"later-{n}", "version": 1, "ceilings": (), "schedule": schedule}
        product = plain.model_copy(update=told)
        products.append(product)
        terms = Terms(
            principal=120_003, rate=Fraction(12, 100), instalments=6, every=1, unit=unit,
            disbursed_on=PAID_OUT, first_due_date=FIRST.replace(day=29) if day == 31 else FIRST,
            anchor_day=day, second_anchor_day=second, end_of_month=day == 31,
        )  # fmt: skip
        body = {
            "due_date": to,
            "keep": "term" if solved else "instalment",
        } | ({"from_date": since} if since else {})
        ordered = PARTS_ORDERED if name == "equal-principal" else ORDERED
        events = [
            Event("disbursed", PAID_OUT, 120_003, ref="d"),
            Event("due_date_moved", ordered, ref="z", about=body),
        ]
        falls, asks = plan(product, terms)
        paid = list(zip(falls, asks, strict=True))[:on_time]
        events += [Event("payment_received", *each, ref=f"p{k}") for k, each in enumerate(paid)]
        if on_time < len(falls):
            events.append(Event("payment_received", dt.date(2024, 6, 3), 45_000, ref="late"))
        lives.append(Life(n, f"later-{n}", terms, tuple(events), {}))
    return both_sides(policies, products, lives, THROUGH)


def test_both_reckonings_agree_on_every_day(sides: Sides) -> None:
    found = [(d.life.loan_id, d.date, d.column, d.reference, d.engine) for d in differences(sides)]
    assert found == []


def test_what_falls_due_when(sides: Sides) -> None:
    """Those before it on their dates, it on the new one, and those after it by that day."""
    own = sides.their_dues.filter(pl.col("instalment_no") > 0).group_by("loan_id", "instalment_no")
    falls = {(loan, k): day for loan, k, day in own.agg(pl.col("due_date").max()).rows()}
    assert (falls[15, 3], falls[15, 4]) == (dt.date(2024, 5, 2), dt.date(2024, 6, 2))
    months = [falls[14, k] for k in range(1, 7)]
    assert months == [dt.date(2024, 2, 20).replace(month=m) for m in range(2, 8)]
