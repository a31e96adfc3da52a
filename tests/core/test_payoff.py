"""Payoff: quoted for any date, and a loan paid as quoted closes at exactly zero."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from loanbook.core.catalogue.codes import Status
from loanbook.core.errors import EngineError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.loans import Story, product_of, ruled, terms, with_more

START = dt.date(2024, 1, 1)
PRODUCTS = ["step-up", "seasonal", "instalment-act365", "lendingclub-personal", "equal-principal", "flat-rate",
            "interest-only"]  # fmt: skip


def test_a_quote_is_the_claim_and_a_night_more_is_one_nights_interest(
    policies: PolicyBook,
) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    book = story.live("2024-01-11").days[-1].book
    row = quote(book, policies, dt.date(2024, 1, 21)).row(0, named=True)
    # 1,200.00 at 12 % on actual days over 365: twenty nights are 7.89, one night 0.39 or 0.40
    assert (row["principal"], row["interest"], row["payoff"]) == (120_000, 789, 120_789)
    assert row["per_diem"] == 39
    assert row["expires_on"] == dt.date(2024, 2, 1)


def test_a_date_that_is_closed_can_not_be_quoted_from_the_book(policies: PolicyBook) -> None:
    book = Story(policies).lent(terms(policies, "flat-rate")).live("2024-01-11").days[-1].book
    with pytest.raises(EngineError, match="quote a payoff for a later date"):
        quote(book, policies, dt.date(2024, 1, 11))


PAID = st.lists(st.tuples(st.integers(2, 40), st.integers(1, 50_000)), max_size=3)


@settings(max_examples=2, deadline=None)
@given(st.lists(PAID, min_size=14, max_size=14), st.integers(1, 30))
def test_a_loan_paid_as_quoted_closes_at_zero(
    policies: PolicyBook, histories: list[list[tuple[int, int]]], ahead: int
) -> None:
    """Two loans of each product in one book, each with payments of its own."""
    story = Story(policies)
    for loan, paid in enumerate(histories, start=1):
        product = PRODUCTS[loan % len(PRODUCTS)]
        story = story.lent(terms(policies, product, loan_id=loan, n=4))
        for n, (day, amount) in enumerate(paid):
            on = (START + dt.timedelta(days=day)).isoformat()
            story = story.paid(min(amount, 25_000), on, loan_id=loan, ref=f"p{n}")
    stands = START + dt.timedelta(days=41)
    book = story.live(stands.isoformat()).days[-1].book
    on = stands + dt.timedelta(days=ahead)
    active = book.positions.filter(pl.col("status") == Status.active)["loan_id"].to_list()
    assert active
    asked = dict(quote(book, policies, on).select("loan_id", "payoff").rows())
    for loan in active:
        story = story.paid(int(asked[loan]), on.isoformat(), loan_id=loan, ref="payoff")
    last = story.live(on.isoformat()).days[-1].book.positions
    owed = last.filter(pl.col("loan_id").is_in(active)).select(
        "loan_id",
        "status",
        owed=pl.sum_horizontal(
            "principal", "interest_accrued", "interest_due", "fees_due", "penalties_due", "credit"
        ),
    )
    assert owed.rows() == [(loan, Status.closed, 0) for loan in active]


@pytest.mark.parametrize(
    ("product", "rebate", "interest"),
    [
        ("instalment-act365", "full_period", round(120_000 * 0.12 * 31 / 365)),
        # six months of 1,200.00 in equal principal at 1 % a month: 12 + 10 + 8 + 6 + 4 + 2; the
        # first one runs, so 5 of 6 are left: 15 / 21 of 42.00 is given back
        ("equal-principal", "rule_of_78", 4_200 - 3_000),
    ],
)
def test_a_payoff_asks_the_interest_that_the_rebate_leaves(
    policies: PolicyBook, product: str, rebate: str, interest: int
) -> None:
    other = ruled(policies, product, "interest", rebate=rebate)
    story = Story(other).lent(terms(other, product, n=6))
    book = story.live("2024-01-14").days[-1].book
    asked = quote(book, other, dt.date(2024, 1, 15)).row(0, named=True)
    assert asked["interest"] == interest
    last = story.paid(asked["payoff"], "2024-01-15").live("2024-01-15").days[-1]
    assert last.book.positions["status"].to_list() == [Status.closed]


@pytest.mark.parametrize("books", [{}, {"accounting": "cash"}])
def test_a_payoff_gives_back_interest_that_was_paid_before_it_was_earned(
    policies: PolicyBook, books: dict[str, str]
) -> None:
    """1,200.00 in six equal parts at 1 % a month. Three instalments are paid, two of them ahead: 600.00 are left, and
    10.00 and 8.00 of interest were paid ahead. On 16 February 15 of 29 nights are earned: 10.00 × 15 / 29 = 5.17."""
    other = ruled(policies, "equal-principal", "interest", rebate="actuarial")
    plain = product_of(other, "equal-principal")
    other = with_more(other, ("products", plain.model_copy(update={"name": "own", **books})))
    story = Story(other).lent(terms(other, "own", n=6)).paid(63_000, "2024-02-01")
    book = story.live("2024-02-15").days[-1].book
    asked = quote(book, other, dt.date(2024, 2, 16)).row(0, named=True)
    assert (asked["principal"], asked["interest"]) == (60_000, 517 - 1_800)
    assert asked["payoff"] == 60_000 + 517 - 1_800
    short = story.paid(asked["payoff"] - 1, "2024-02-16").live("2024-02-16").days[-1]
    assert short.book.positions["status"].to_list() == [Status.active]
    paid = story.paid(asked["payoff"] + 5, "2024-02-16", ref="q")
    last = paid.live("2024-02-16").days[-1].book.positions.row(0, named=True)
    assert (last["status"], last["credit"], last["interest_paid"]) == (
        Status.overpaid,
        5,
        1_200 + 517,
    )


def test_a_period_that_begins_on_the_day_of_the_payoff_has_not_begun(policies: PolicyBook) -> None:
    """On the first of six due dates 5 of 6 are left of 42.00: 15 / 21 are given back, 12.00 is due."""
    other = ruled(policies, "equal-principal", "interest", rebate="rule_of_78")
    book = Story(other).lent(terms(other, "equal-principal", n=6)).live("2024-01-31").days[-1].book
    assert quote(book, other, dt.date(2024, 2, 1)).row(0, named=True)["interest"] == 1_200


def test_a_periods_whole_interest_is_on_what_is_owed_before_the_payoff(
    policies: PolicyBook,
) -> None:
    other = ruled(policies, "instalment-act365", "interest", rebate="full_period")
    story = Story(other).lent(terms(other, "instalment-act365", n=6))
    book = story.live("2024-02-14").days[-1].book
    asked = quote(book, other, dt.date(2024, 2, 15)).row(0, named=True)
    # nothing was paid: all of February bears interest on the whole principal, like January
    each = [round(120_000 * 0.12 * nights / 365) for nights in (31, 29)]
    assert asked["interest"] == sum(each)


def test_the_rule_of_78_is_barred_above_61_months(policies: PolicyBook) -> None:
    made = product_of(policies, "equal-principal")
    told = made.model_dump() | {"bounds": {"instalments": [1, 62]}}
    told["interest"]["rebate"] = "rule_of_78"
    with pytest.raises(ValidationError, match="61 months"):
        Product.model_validate(told)
