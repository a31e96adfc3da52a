"""Simple interest: money pays what is earned to its day first, whenever it comes."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.late_news import same_as_in_time, told
from tests.core.loans import Story, payment, terms

EMI = 10_662


def lent(policies: PolicyBook, n: int = 12) -> Story:
    return Story(policies).lent(terms(policies, "simple-interest", n=n, emi=EMI))


def interest(story: Story, until: str) -> int:
    paid = story.live(until).allocations()
    return int(paid.filter(pl.col("component") == Component.interest.value)["amount"].sum())


def test_a_late_instalment_pays_the_nights_since_its_due_date(policies: PolicyBook) -> None:
    story = lent(policies).paid(EMI, "2024-02-11")
    billed = round(120_000 * 0.12 * 31 / 365)
    since = round(120_000 * 0.12 * 10 / 365)
    life = story.live("2024-02-11")
    after = life.on("2024-02-11")
    assert interest(story, "2024-02-11") == billed + since
    assert after["principal"] == 120_000 - (EMI - billed - since)
    # the minimum is paid: nothing is past due, whatever it was made of
    assert (after["principal_due"], after["interest_due"], after["days_past_due"]) == (0, 0, 0)
    assert after["interest_accrued"] == 0


def test_an_early_payment_pays_the_nights_so_far_then_principal(policies: PolicyBook) -> None:
    story = lent(policies).paid(5_000, "2024-01-21")
    first = round(120_000 * 0.12 * 20 / 365)
    life = story.live("2024-02-01")
    left = 120_000 - (5_000 - first)
    assert life.on("2024-01-21")["principal"] == left
    billed = life.on("2024-02-01")
    assert billed["interest_due"] == round(left * 0.12 * 11 / 365)
    assert billed["principal_due"] + billed["interest_due"] == EMI - 5_000


def test_less_than_the_interest_leaves_the_minimum_open(policies: PolicyBook) -> None:
    life = lent(policies).paid(1_000, "2024-03-15").live("2024-03-15")
    stands = life.on("2024-03-15")
    assert stands["days_past_due"] == 43
    assert stands["principal"] == 120_000
    fee = round(EMI * 0.05)  # of the first instalment, met before its interest
    assert stands["principal_due"] + stands["interest_due"] == 2 * EMI - (1_000 - fee)


def test_a_quote_settles_it_and_news_may_come_late(policies: PolicyBook) -> None:
    book = lent(policies).live("2024-02-20").days[-1].book
    owed = quote(book, policies, dt.date(2024, 2, 21))["payoff"].item()
    paid = lent(policies).paid(owed, "2024-02-21").live("2024-02-21")
    assert paid.on("2024-02-21")["status"] == Status.closed
    story = lent(policies, n=4).paid(EMI, "2024-02-11").paid(30_000, "2024-03-20")
    late = payment(7_000, "2024-02-25")
    same_as_in_time(told(story, (30, late)), policies, dt.date(2024, 5, 3))
