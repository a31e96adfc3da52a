"""A contract that ends on a day off: all is due on that very day, and bears interest from it, whatever calendar
moves the due dates of instalments."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from loanbook.core.policy.book import PolicyBook
from tests.core.loans import product_of
from tests.oracle.compare import Sides, both_sides, differences
from tests.oracle.lives import Life
from tests.oracle.reference.model import Event, Terms

PAID_OUT, FIRST, THROUGH = dt.date(2024, 1, 4), dt.date(2024, 2, 4), dt.date(2024, 4, 10)
FOLLOWS = {"business_day": "following", "calendar": "us-federal"}
SATURDAY, DUE_SUNDAY, MONDAY = dt.date(2024, 2, 17), dt.date(2024, 3, 3), dt.date(2024, 2, 19)

# what the schedule has, the day of the second instalment, and the day on which the contract ends
CASES: tuple[tuple[dict[str, Any], int, dt.date], ...] = (
    (FOLLOWS, 4, SATURDAY),
    (FOLLOWS | {"adjust_accrual": True}, 4, SATURDAY),
    (FOLLOWS, 3, DUE_SUNDAY),
    (FOLLOWS, 2, DUE_SUNDAY),  # billed on Saturday, due on Monday
    (FOLLOWS, 4, MONDAY),
    ({}, 4, SATURDAY),
)


@pytest.fixture(scope="module")
def sides(policies: PolicyBook) -> Sides:
    """The loans of `CASES`, through both reckonings: nothing is paid."""
    plain, products, lives = product_of(policies, "instalment-act365"), [], []
    for n, (rules, day, ends) in enumerate(CASES, start=1):
        told = {"name": f"ends-{n}", "version": 1, "ceilings": ()}
        products.append(
            plain.model_copy(update=told | {"schedule": plain.schedule.model_copy(update=rules)})
        )
        terms = Terms(
            principal=120_000, rate=Fraction(12, 100), instalments=4, every=1, unit="months",
            disbursed_on=PAID_OUT.replace(day=day), first_due_date=FIRST.replace(day=day),
            anchor_day=day, second_anchor_day=1,
        )  # fmt: skip
        events = (
            Event("disbursed", terms.disbursed_on, 120_000, ref="d"),
            Event("contract_accelerated", ends, ref="z"),
        )
        lives.append(Life(n, f"ends-{n}", terms, events, {}))
    return both_sides(policies, products, lives, THROUGH)


def test_both_reckonings_agree_on_every_day(sides: Sides) -> None:
    found = [(d.life.loan_id, d.date, d.column, d.reference, d.engine) for d in differences(sides)]
    assert found == []


def test_a_claim_that_is_due_on_a_saturday_bears_interest_from_it(sides: Sides) -> None:
    """1,200.00 x 12 % / 365 is 39.45 cents a night: the nights from Saturday to Tuesday are 39, 79, 118."""
    for days in (sides.theirs, sides.ours):
        after = days.filter(
            (pl.col("loan_id") == 1) & pl.col("date").is_between(SATURDAY, dt.date(2024, 2, 20))
        ).sort("date")
        assert after["principal_due"].to_list() == [120_000] * 4
        assert after["interest_accrued"].to_list() == [0, 39, 79, 118]
