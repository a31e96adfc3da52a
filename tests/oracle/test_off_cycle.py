"""A first due date off the cycle of those after it: its period and the next are odd ones."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from tests.core.loans import product_of
from tests.oracle.compare import Sides, both_sides, differences, planned, with_products
from tests.oracle.lives import Life
from tests.oracle.reference.model import Event, Terms

PAID_OUT, FIRST, THROUGH = dt.date(2024, 3, 20), dt.date(2024, 4, 15), dt.date(2024, 8, 20)
FOLLOWS = {"business_day": "following", "calendar": "us-federal"}
REAGE = {"instalments": 2, "interest": "level", "due_date": "2024-07-10"}
RESTS = {"instalments": 1, "interest": "simple"}

# product, what its schedule has, anchor day from the second instalment on, unit, order of 10 June, and
# principal and interest of each instalment, in cents
CASES: tuple[tuple[str, dict[str, Any], int, str, tuple[str, dict[str, Any]] | None, list[tuple[int, int]]], ...] = (
    # 1,200 x 12 % x 26/365 = 10.26; then 16 days, 31 and 30
    ("instalment-act365", {}, 1, "months", None, [(29_578, 1026), (30_128, 476), (29_989, 615), (30_305, 299)]),
    # the end of each month after the first: 26 days, 46, 30 and 31
    ("instalment-act365", {}, 31, "months", None, [(29_799, 1026), (29_461, 1364), (30_226, 599), (30_514, 311)]),
    # half months on the 1st and the 16th: a day after the first due date
    ("instalment-act365", {}, 1, "semi_monthly", None, [(29_350, 1026), (30_346, 30), (30_079, 297), (30_225, 149)]),
    # flat: 1,200 x 1 % x (26/31 + 16/30 + 2) = 40.46
    ("flat-rate", {}, 1, "months", None, [(30_000, 1012)] * 3 + [(30_000, 1010)]),
    # 30/360: 12.00 x 26/31 = 10.06; a whole month's interest x 16/30; two whole months
    ("multi-tranche", {}, 1, "months", None, []),
    ("multi-tranche", {"stub": "whole_period"}, 1, "months", None, []),
    ("equal-principal", {}, 20, "months", None, []),
    ("instalment-act365", FOLLOWS, 1, "months", None, []),
    ("instalment-act365", FOLLOWS | {"adjust_accrual": True}, 1, "months", None, []),
    ("instalment-act365", {}, 1, "months", ("reaged", REAGE), []),
    ("multi-tranche", {}, 1, "months", ("reaged", REAGE), []),
    ("instalment-act365", {}, 31, "months", ("moratorium_granted", RESTS), []),
    ("multi-tranche", {}, 20, "months", ("moratorium_granted", RESTS), []),
    ("effective-rate", {}, 1, "months", None, []),
    # off the books with all due: so is the tax on interest that was paid ahead
    ("instalment-act365", {"tax": "oracle-all"}, 1, "months", ("charge_off", {}), []),
)  # fmt: skip


def _product(policies: PolicyBook, n: int, name: str, rules: dict[str, Any]) -> Product:
    plain = product_of(policies, name)
    interest = plain.interest.model_copy(update={"after_charge_off": "accelerate_maturity"})
    ours = {"name": f"off-cycle-{n}", "version": 1, "ceilings": (), "interest": interest}
    if rules.get("tax"):
        return plain.model_copy(update=ours | rules)
    return plain.model_copy(update=ours | {"schedule": plain.schedule.model_copy(update=rules)})


@pytest.fixture(scope="module")
def sides(policies: PolicyBook) -> Sides:
    """The loans of `CASES`, through both reckonings: the first instalment is paid on its day, the second on its
    day too, where the contract changes later, or else late, with money ahead."""
    plan, products, lives = planned(with_products(policies, [])), [], []
    for n, (name, rules, anchor, unit, order, asked) in enumerate(CASES, start=1):
        product = _product(policies, n, name, rules)
        products.append(product)
        terms = Terms(
            principal=120_000, rate=Fraction(12, 100), instalments=4, every=1, unit=unit,
            disbursed_on=PAID_OUT, first_due_date=FIRST, anchor_day=15, second_anchor_day=16,
            anchor_since_second=anchor,
        )  # fmt: skip
        events = [Event("disbursed", PAID_OUT, 120_000, ref="d")]
        falls, asks = plan(product, terms)
        first = sum(asked[0]) if asked else asks[0]
        events.append(Event("payment_received", falls[0], first, ref="p1"))
        paid = (falls[1], asks[1]) if order else (dt.date(2024, 6, 3), 45_000)  # late, and more
        events.append(Event("payment_received", *paid, ref="p2"))
        if order:
            events.append(Event(order[0], dt.date(2024, 6, 10), ref="z", about=order[1]))
        if rules.get("tax"):  # the third and a part of the last, and after all was due
            events.append(
                Event("payment_received", dt.date(2024, 6, 3), asks[2] + 12_000, ref="p3")
            )
            events.append(Event("payment_received", dt.date(2024, 7, 1), 10_000, ref="p4"))
        lives.append(Life(n, f"off-cycle-{n}", terms, tuple(events), {}))
    return both_sides(policies, products, lives, THROUGH)


def test_both_reckonings_agree_on_every_day(sides: Sides) -> None:
    found = [(d.life.loan_id, d.date, d.column, d.reference, d.engine) for d in differences(sides)]
    assert found == []


def test_what_the_first_two_instalments_ask(sides: Sides) -> None:
    """The second on the anchor of the month after the first, and no day before it."""
    dues = sides.their_dues
    second = dues.filter((pl.col("instalment_no") == 2) & (pl.col("amount") > 0))
    falls = dict(second.group_by("loan_id").agg(pl.col("due_date").min()).rows())
    for n, (_, rules, anchor, unit, order, asked) in enumerate(CASES, start=1):
        if order:  # it is paid on its day
            continue
        on = dt.date(2024, 4, 16) if unit == "semi_monthly" else dt.date(2024, 5, anchor)
        if rules.get("business_day") and on.isoweekday() > 5:
            on += dt.timedelta(days=8 - on.isoweekday())
        assert falls[n] == on, n
        if asked:
            own = second.filter(pl.col("loan_id") == n).sort("date").group_by("component").first()
            amounts = dict(own.select("component", "amount").rows())
            assert (amounts[0], amounts[1]) == asked[1], n
