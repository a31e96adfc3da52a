"""Accounting: cash, non-accrual by memorandum or suspense, and the borrower's flags."""

from __future__ import annotations

import json

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import MEMORANDUM, ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from tests.core.lives import moved
from tests.core.loans import Life, Story, _event, terms, with_accounting


@pytest.fixture(scope="module")
def books(policies: PolicyBook) -> PolicyBook:
    return with_accounting(policies)


def live(books: PolicyBook, product: str, until: str, *rows: dict) -> Life:  # type: ignore[type-arg]
    story = Story(books).lent(terms(books, product, n=3))
    return Story(books, (*story.rows, *rows)).live(until)


def money(on: str, amount: int) -> dict:  # type: ignore[type-arg]
    return _event(Kind.payment_received, 1, on, amount, on, None)


def income(life: Life) -> int:
    """Interest income so far, credit above zero."""
    role = ROLE["interest_income"]
    return -int(life.balances.filter(pl.col("account") == role)["balance"].sum())


def held(life: Life, role: str) -> int:
    return int(life.balances.filter(pl.col("account") == ROLE[role])["balance"].sum())


def test_under_cash_accounting_interest_is_income_when_it_comes(books: PolicyBook) -> None:
    before = live(books, "cash", "2024-01-31")
    assert income(before) == 0
    assert held(before, "memo_interest") == before.on("2024-01-31")["interest_accrued"] > 1_000
    after = live(books, "cash", "2024-02-02", money("2024-02-01", 40_803))
    paid = after.allocations().filter(pl.col("component") == 1)["amount"].sum()
    assert income(after) == paid == 1_223  # 31 nights of 1,200.00 at 12 %
    assert held(after, "interest_due") == 0


@pytest.mark.parametrize("product", ["memo", "suspense"])
def test_interest_stops_being_income_after_so_many_days(books: PolicyBook, product: str) -> None:
    eve, late = (live(books, product, on) for on in ("2024-02-10", "2024-02-11"))
    assert not eve.on("2024-02-10")["non_accrual"]
    assert late.on("2024-02-11")["non_accrual"]
    assert income(eve) > 1_500
    assert income(late) == 0
    claim = late.on("2024-02-11")["interest_accrued"] + late.on("2024-02-11")["interest_due"]
    assert late.on("2024-02-11")["off_books"] == claim
    if product == "memo":
        assert (held(late, "memo_interest"), held(late, "interest_due")) == (claim, 0)
    else:
        assert (held(late, "interest_suspense"), held(late, "interest_due")) == (-claim, 1_223)


@pytest.mark.parametrize("product", ["memo", "suspense", "slow"])
def test_a_loan_without_arrears_comes_back_to_accrual(books: PolicyBook, product: str) -> None:
    paid = money("2024-02-15", 45_000)
    life = live(books, product, "2024-02-29", paid)
    assert not life.on("2024-02-29")["non_accrual"] or product == "slow"
    if product == "slow":
        assert live(books, product, "2024-02-29", paid).on("2024-02-29")["non_accrual"]
        # a due that is late again begins the count anew
        assert live(books, product, "2024-03-10", paid).on("2024-03-10")["non_accrual"]
    else:
        earned = life.on("2024-02-29")["interest_earned"]
        assert income(life) == earned


def test_a_bankruptcy_is_a_flag_that_ends_accrual_at_once(books: PolicyBook) -> None:
    body = json.dumps({"flag": "bankruptcy"})
    rows = [_event(Kind.flag_set, 1, "2024-01-10", None, "f", body),
            _event(Kind.flag_cleared, 1, "2024-01-20", None, "c", body)]  # fmt: skip
    life = live(books, "memo", "2024-01-21", *rows)
    assert life.on("2024-01-10")["non_accrual"]
    assert not life.on("2024-01-20")["non_accrual"]
    assert income(life) == life.on("2024-01-21")["interest_earned"]
    known = pl.concat(d.changed for d in life.days)["flags"].to_list()
    assert known == [1, 0]


def test_a_charge_off_in_suspense_uses_the_suspense_first(books: PolicyBook) -> None:
    off = _event(Kind.charge_off, 1, "2024-02-20", None, "o", None)
    life = live(books, "suspense", "2024-02-21", off)
    assert moved(life.days, "interest_charged_off", "interest_due") == 0
    assert moved(life.days, "interest_suspense", "interest_due") == 1_223
    assert held(life, "interest_suspense") == 0
    assert held(life, "memo_claim") > 120_000
    memo = life.balances.filter(pl.col("account").is_in(MEMORANDUM))["balance"].sum()
    assert memo == 0
