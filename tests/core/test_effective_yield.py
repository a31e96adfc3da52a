"""Fees taken at the effective rate: the amortised cost of IFRS, path-independent, none lost."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import OriginationFee
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved
from tests.core.loans import Story, _event, product_of, terms, with_more

FEE = 25_000


def by_yield(policies: PolicyBook, product: str, fee: int, **schedule: object) -> PolicyBook:
    """The policies with product `yields`, whose fee is deducted and taken at its yield."""
    made, since = product_of(policies, product), dt.date(2000, 1, 1)
    kept = OriginationFee(name="at-yield", version=1, effective_from=since, flat_minor=fee,
                          recognition="effective_interest")  # fmt: skip
    ours = made.model_copy(
        update={"name": "yields", "origination_fee": "at-yield",
                "schedule": made.schedule.model_copy(update=schedule)}
    )  # fmt: skip
    return with_more(policies, ("products", ours), ("origination_fees", kept))


def lived(story: Story, until: str) -> History:
    events = story.events()
    empty = Book.empty(story.policies.pins, events)
    return fast_forward(empty, events, story.policies, dt.date.fromisoformat(until))


def by_day(life: History, first: str, until: str, loan_id: int = 1) -> dict[str, dict[str, Any]]:
    """Positions of a loan, by date."""
    rows = life.stay.positions(dt.date.fromisoformat(first), dt.date.fromisoformat(until))
    rows = rows.filter(pl.col("loan_id") == loan_id)
    return {row["business_date"].isoformat(): row for row in rows.to_dicts()}


def paid_on_time(story: Story, months: range) -> Story:
    """The story with what is due paid on the first of the months, found by living it without."""
    for month in months:
        on = f"2024-{month:02}-01"
        life = lived(story, on)
        for loan_id in sorted({row["loan_id"] for row in story.rows}):
            owed = by_day(life, on, on, loan_id)[on]
            due = owed["principal_due"] + owed["interest_due"]
            story = story.paid(due, on, loan_id=loan_id)
    return story


def test_amortised_cost_is_that_of_the_standards_own_example(policies: PolicyBook) -> None:
    """1,000 is paid out for 1,250 in five years at 59 a year: 10 % a year.

    The figures are those of the guidance on implementing IFRS 9, question B.26.
    """
    book = by_yield(policies, "interest-only", FEE, rate_basis="period")
    loan = terms(book, "yields", principal=125_000, rate="4.72", n=5, every=12,
                 start="2020-01-01", first_due="2021-01-01")  # fmt: skip
    story = Story(book).lent(loan)
    for year in range(2021, 2025):
        story = story.paid(5_900, f"{year}-01-01", ref=str(year))
    stood = by_day(lived(story, "2024-12-31"), "2020-01-01", "2024-12-31")
    at_year_end = [stood[f"{year}-01-01"] for year in range(2021, 2025)]
    cost = [round((each["principal"] - each["income_deferred"]) / 100) for each in at_year_end]
    assert cost == pytest.approx([1_041, 1_086, 1_136, 1_190], abs=1)  # leap days are nights too
    assert stood["2020-01-01"]["eir_ppb"] == pytest.approx(0.1 * 10**9, rel=2e-3)
    # within a year it goes evenly, as interest does
    half, at_end = (stood[day]["income_deferred"] for day in ("2020-07-01", "2021-01-01"))
    assert half == round(FEE - (FEE - at_end) * 182 / 366)


def test_a_loan_on_its_schedule_takes_the_fee_down_to_nothing(policies: PolicyBook) -> None:
    """Each period earns the yield on the carrying amount: worked out here in floats, by bisection."""
    book = by_yield(policies, "instalment-act365", 9_100)
    story = paid_on_time(Story(book).lent(terms(book, "yields", n=6)), range(2, 7))
    days = [dt.date(2024, m, 1) for m in range(1, 8)]
    life = by_day(lived(story, "2024-07-02"), "2024-01-01", "2024-07-02")
    stood = [life[day.isoformat()] for day in days]
    asked = [
        before["principal"]
        - after["principal"]
        + after["interest_earned"]
        - before["interest_earned"]
        for before, after in pairwise(stood)
    ]
    asked[-1] += stood[-1]["principal"]  # unpaid on the last day
    years = [(day - days[0]).days / 365 for day in days]
    low, high = 0.0, 5.0
    for _ in range(200):
        mid = (low + high) / 2
        worth = sum(a / (1 + mid) ** t for a, t in zip(asked, years[1:], strict=True))
        low, high = (mid, high) if worth > 120_000 - 9_100 else (low, mid)
    assert stood[0]["eir_ppb"] == pytest.approx(low * 10**9, abs=2)
    carried = 120_000 - 9_100.0
    for k in range(5):
        carried = carried * (1 + low) ** (years[k + 1] - years[k]) - asked[k]
        ours = stood[k + 1]["principal"] - stood[k + 1]["income_deferred"]
        assert ours == pytest.approx(carried, abs=3)
    assert stood[6]["income_deferred"] == 0


def test_what_is_deferred_is_taken_once_by_days_and_by_jumps(policies: PolicyBook) -> None:
    book = by_yield(policies, "simple-interest", 2_000)
    lent = Story(book).lent(terms(book, "yields", n=3)).paid(40_000, "2024-02-10")
    bought = _event(Kind.rate_bought_down, 1, "2024-02-15", 700, "b", None)
    story = Story(book, (*lent.rows, bought))
    same_as_in_time(told(story), book, dt.date(2024, 4, 2))
    assert moved(story.live("2024-04-02").days, "deferred_fee_income", "interest_income") == 2_700


def test_the_line_falls_to_nothing_whatever_the_schedule(policies: PolicyBook) -> None:
    products = ("flat-rate", "step-up", "balloon", "equal-principal")
    book = by_yield(policies, products[0], 2_000)
    made = {p: product_of(by_yield(policies, p, 2_000), "yields") for p in products}
    ours = [m.model_copy(update={"name": f"yields-{p}"}) for p, m in made.items()]
    book = with_more(book, *(("products", each) for each in ours))
    story = Story(book)
    for n, product in enumerate(products, start=1):
        story = story.lent(terms(book, f"yields-{product}", loan_id=n, n=6))
    life = lived(paid_on_time(story, range(2, 4)), "2024-07-03")
    for n, product in enumerate(products, start=1):
        days = by_day(life, "2024-01-01", "2024-07-03", n).values()
        left = [each["income_deferred"] for each in days]
        assert all(a >= b for a, b in pairwise(left)), product
        assert max(a - b for a, b in pairwise(left)) < 40, product
        assert left[-1] == 0, product


def test_a_charge_off_and_a_payoff_end_the_line(policies: PolicyBook) -> None:
    book = by_yield(policies, "instalment-act365", 9_100)
    lent = Story(book).lent(terms(book, "yields", n=6))
    off = lent.charged_off("2024-02-10").live("2024-02-10")
    took = moved(off.days, "deferred_fee_income", "interest_income")
    assert moved(off.days, "deferred_fee_income", "credit_loss") == 9_100 - took
    life = lent.paid(140_000, "2024-01-20").live("2024-01-20")
    assert life.on("2024-01-20")["status"] == Status.overpaid
    assert moved(life.days, "deferred_fee_income", "interest_income") == 9_100


def test_an_extension_finds_the_yield_of_the_new_schedule(policies: PolicyBook) -> None:
    book = by_yield(policies, "instalment-act365", 9_100)
    lent = paid_on_time(Story(book).lent(terms(book, "yields", n=6)), range(2, 3))
    longer = _event(Kind.term_extended, 1, "2024-02-10", None, "x", '{"instalments": 6}')
    life = by_day(
        lived(Story(book, (*lent.rows, longer)), "2024-03-02"), "2024-01-01", "2024-03-02"
    )
    before, after = life["2024-02-09"], life["2024-02-10"]
    assert after["eir_ppb"] < before["eir_ppb"]
    a_night = before["income_deferred"] - after["income_deferred"]
    last_night = life["2024-02-08"]["income_deferred"] - before["income_deferred"]
    assert a_night == pytest.approx(last_night, abs=1)  # evenly within the period
    assert after["income_deferred"] - life["2024-02-11"]["income_deferred"] < a_night
