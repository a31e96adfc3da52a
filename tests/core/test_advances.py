"""Advances of a line of credit: a part of the balance at a higher rate, and without grace."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules.payouts import AdvanceRules
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.late_news import same_as_in_time, told
from tests.core.loans import Life, Story, _event, changed, payment, ruled
from tests.core.test_line import line

# the line bears 18.25 %: 5 of 10,000 a night; its advances 21.90 %: 6 of 10,000
ADVANCE = '{"advance": true}'


@pytest.fixture
def card(policies: PolicyBook) -> PolicyBook:
    return ruled(policies, "credit-line", "line", cash_advances=AdvanceRules(margin_percent="3.65"))


def drawn(card: PolicyBook, *, bought: int = 100_000, advanced: int = 50_000) -> Story:
    """Purchases on 11 January, an advance on the 16th."""
    story = line(card, ("2024-01-11", bought))
    cash = _event(Kind.disbursed, 1, "2024-01-16", advanced, "cash", ADVANCE)
    return Story(card, (*story.rows, cash))


def state(life: Life, on: str) -> tuple[int, int]:
    position = life.on(on)
    return position["principal"], position["cash_advances"]


def test_advances_bear_interest_from_their_first_night_in_spite_of_grace(card: PolicyBook) -> None:
    life = drawn(card).live("2024-02-02")
    assert life.on("2024-01-16")["interest_accrued"] == 0
    assert life.on("2024-01-31")["interest_accrued"] == 50_000 * 15 * 6 // 10_000
    assert life.on("2024-02-01")["interest_due"] == 50_000 * 16 * 6 // 10_000
    assert life.on("2024-02-01")["in_grace"] is True
    assert life.on("2024-02-02")["interest_accrued"] == 50_000 * 6 // 10_000


def test_what_exceeds_the_minimum_pays_advances_first(card: PolicyBook) -> None:
    story = drawn(card).paid(2_500 + 30_000, "2024-02-10")
    life = story.live("2024-02-11")
    assert life.on("2024-02-01")["principal_due"] == 2_500 - 480  # the floor, interest within it
    assert state(life, "2024-02-09") == (150_000, 50_000)
    assert state(life, "2024-02-10") == (117_980, 20_000)  # the minimum met purchases


def test_what_a_statement_asks_meets_advances_once_nothing_else_is_owed(card: PolicyBook) -> None:
    story = drawn(card, bought=1_000).paid(2_500, "2024-02-10")
    life = story.live("2024-02-10")
    assert state(life, "2024-02-10") == (51_000 - 2_020, 51_000 - 2_020)


def test_without_grace_all_bears_its_own_rate(card: PolicyBook) -> None:
    life = drawn(card).live("2024-03-01")  # the statement of February is not paid
    assert life.on("2024-02-22")["in_grace"] is False
    assert life.on("2024-02-22")["interest_accrued"] == 21 * 50_000 * 6 // 10_000
    lost, nights = life.on("2024-02-23"), 22
    assert lost["interest_accrued"] == nights * (100_000 * 5 + 50_000 * 6) // 10_000
    assert life.on("2024-03-01")["interest_due"] == 480 + 29 * (100_000 * 5 + 50_000 * 6) // 10_000


def test_credit_pays_an_advance_that_is_drawn(card: PolicyBook) -> None:
    story = line(card, ("2024-01-11", 30_000)).paid(45_000, "2024-01-20")
    cash = _event(Kind.disbursed, 1, "2024-02-10", 50_000, "cash", ADVANCE)
    life = Story(card, (*story.rows, cash)).live("2024-02-11")
    assert state(life, "2024-02-10") == (35_000, 35_000)


def test_a_quote_asks_interest_of_advances_in_grace_and_settles(card: PolicyBook) -> None:
    book = drawn(card).live("2024-01-25").days[-1].book
    owed = quote(book, card, dt.date(2024, 1, 26))
    assert owed["payoff"].item() == 150_000 + 50_000 * 10 * 6 // 10_000
    assert owed["per_diem"].item() == 50_000 * 6 // 10_000
    life = drawn(card).paid(owed["payoff"].item(), "2024-01-26").live("2024-02-02")
    position = life.on("2024-02-02")
    assert (position["principal"], position["interest_accrued"], position["interest_due"]) == (
        0,
        0,
        0,
    )
    assert (position["cash_advances"], position["credit"]) == (0, 0)


def test_a_ceiling_by_law_holds_advances_too(card: PolicyBook) -> None:
    held = changed(card, "credit-line", ceilings=["scra"])  # 6 % a year
    flag = _event(Kind.flag_set, 1, "2024-02-01", None, "duty", json.dumps({"flag": "active_duty"}))
    life = Story(held, (*drawn(held).rows, flag)).live("2024-02-29")
    # the cycle's grace is lost on the 22nd: all bears the ceiling, advances no more than it
    assert life.on("2024-02-29")["interest_accrued"] == round(28 * 150_000 * 0.06 / 365)


def test_what_is_written_off_is_no_advance_any_more(card: PolicyBook) -> None:
    gone = _event(Kind.write_off, 1, "2024-02-10", None, "w", None)
    life = Story(card, (*drawn(card).rows, gone)).live("2024-02-10")
    assert life.on("2024-02-10")["status"] == Status.written_off
    assert life.on("2024-02-10")["cash_advances"] == 0


def test_a_line_with_advances_lives_the_same_whenever_its_news_came(card: PolicyBook) -> None:
    story = drawn(card).paid(60_000, "2024-02-20").paid(4_000, "2024-03-15", ref="less")
    more = _event(Kind.disbursed, 1, "2024-03-05", 20_000, "more", ADVANCE)
    late = payment(91_000, "2024-02-18")
    same_as_in_time(told(story, (12, more), (25, late)), card, dt.date(2024, 5, 3))


def test_advances_cost_more_than_the_line(policies: PolicyBook) -> None:
    with pytest.raises(ValueError, match="bear more"):
        AdvanceRules(margin_percent="0")
