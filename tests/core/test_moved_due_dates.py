"""Due dates that a calendar moves: billed when the period ends, owed at once, late from the moved date."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from tests.core.loans import Life, Story, _event, changed, terms

PRODUCTS = {
    1: ("instalment-act365", "2024-02-10"),  # a Saturday
    2: ("lendingclub-personal", "2024-02-10"),
    3: ("instalment-act365", "2024-03-31"),  # a month's last day, and a Sunday
    4: ("equal-principal", "2024-02-10"),
    5: ("flat-rate", "2024-02-10"),
    6: ("instalment-inr", "2024-02-10"),  # penal interest and its tax
    7: ("daily-rate", "2024-02-10"),
    8: ("negative-amortiser", "2024-02-10"),
}


@pytest.fixture(scope="module")
def following(policies: PolicyBook) -> PolicyBook:
    """The shipped products, each with due dates on the business day after."""
    for name in {name for name, _ in PRODUCTS.values()}:
        policies = changed(policies, name, business_day="following", calendar="us-federal")
    return policies


def _lent(policies: PolicyBook) -> Story:
    story = Story(policies)
    for loan_id, (product, first) in PRODUCTS.items():
        for unpaid in (0, 100, 200, 300, 400, 500):
            start = "2024-02-29" if first == "2024-03-31" else "2024-01-10"
            story = story.lent(
                terms(policies, product, loan_id=loan_id + unpaid, n=6, start=start,
                      first_due=first)
            )  # fmt: skip
    return story


def _with_money(story: Story) -> Story:
    """Paid on the period's last day, within the move, on the due date, in part, too much, by order."""
    order = {"reason": "test"}
    for loan_id in PRODUCTS:
        on, within, due = ("2024-03-31", "2024-03-31", "2024-04-01") if loan_id == 3 else (
            "2024-02-10", "2024-02-11", "2024-02-12")  # fmt: skip
        story = story.paid(20_704, on, loan_id=loan_id + 100)
        story = story.paid(9_000, within, loan_id=loan_id + 200)
        story = story.paid(40_000, within, loan_id=loan_id + 300)
        story = story.paid(20_704, due, loan_id=loan_id + 400)
        written = _event(Kind.write_off, loan_id + 500, within, None, "w", json.dumps(order))
        story = replace(story, rows=(*story.rows, written))
    return story


ORDERS = (
    (Kind.reaged, {"instalments": 6, "due_date": "2024-03-10", "interest": "level"}),
    (Kind.reamortised, {"keep": "term"}),
    (Kind.contract_accelerated, {}),
    (Kind.charge_off, {}),
    (Kind.moratorium_granted, {"instalments": 1, "interest": "simple"}),
    (Kind.rate_changed, {"rate_ppb": 60_000_000, "keep": "term"}),
    (Kind.term_extended, {"instalments": 2, "keep": "term"}),
    (Kind.due_date_moved, {"due_date": "2024-03-15"}),
)


def test_orders_within_the_move_take_the_instalment_as_billed(following: PolicyBook) -> None:
    story = Story(following)
    rows = []
    for n, (kind, body) in enumerate(ORDERS):
        for product, loan_id in (("instalment-act365", n + 1), ("lendingclub-personal", n + 101)):
            loan = terms(following, product, loan_id=loan_id, n=6, start="2024-01-10",
                         first_due="2024-02-10")  # fmt: skip
            story = story.lent(loan)
            rows.append(_event(kind, loan_id, "2024-02-11", None, "o", json.dumps(body)))
    story = replace(story, rows=(*story.rows, *rows))
    told = story.closed_daily("2024-04-03")
    assert_frame_equal(story.live("2024-04-03").days[-1].book.positions,
                       told.days[-1].book.positions)  # fmt: skip
    reaged = told.dues("2024-02-12").filter(pl.col("loan_id") == 1)
    assert reaged.is_empty()
    spread = told.on("2024-02-12", 2)
    assert spread["principal_due"] + spread["interest_due"] == 0
    called = told.on("2024-02-11", 3)
    assert called["principal_due"] == 1_200_00
    assert told.on("2024-02-14", 3)["days_past_due"] == 3  # all is due on the day of the order


@pytest.fixture(scope="module")
def daily(following: PolicyBook) -> Life:
    return _with_money(_lent(following)).closed_daily("2024-04-03")


def test_every_law_holds_on_every_day_and_a_jump_says_the_same(
    following: PolicyBook, daily: Life
) -> None:
    jumped = _with_money(_lent(following)).live("2024-04-03").days[-1].book
    assert_frame_equal(jumped.positions, daily.days[-1].book.positions)
    assert_frame_equal(jumped.dues, daily.days[-1].book.dues)


def test_an_instalment_on_a_saturday_is_due_on_monday(daily: Life) -> None:
    rows = daily.dues("2024-02-10").filter(pl.col("loan_id") == 1)
    assert rows["amount"].to_list() == [194_81, 12_23]
    assert {str(d) for d in rows["due_date"]} == {"2024-02-12"}
    for day, late in (("2024-02-10", 0), ("2024-02-11", 0), ("2024-02-12", 0), ("2024-02-14", 2)):
        assert daily.on(day)["days_past_due"] == late
        assert daily.on(day)["principal_due"] + daily.on(day)["interest_due"] == 207_04


def test_money_within_the_move_meets_the_instalment_as_due(daily: Life) -> None:
    for paid in (101, 401):
        position = daily.on("2024-02-12", paid)
        assert position["principal_due"] + position["interest_due"] == 0
        assert position["principal"] == 1_200_00 - 194_81
        assert daily.on("2024-02-14", paid)["days_past_due"] == 0
    short = daily.on("2024-02-14", 201)
    assert short["principal_due"] + short["interest_due"] == 207_04 - 90_00
    assert short["days_past_due"] == 2
    timing = daily.allocations().filter(pl.col("loan_id") == 301)
    assert timing.filter(pl.col("instalment_no") == 1)["amount"].sum() == 207_04


def test_penal_interest_counts_from_the_moved_date(daily: Life) -> None:
    assert daily.on("2024-02-11", 6)["penal_base"] == 0
    assert daily.on("2024-02-14", 6)["penal_base"] > 0
