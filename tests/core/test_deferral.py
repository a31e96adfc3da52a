"""Deferred income: evenly by nights, the rest at the end, less of a loss at a charge-off."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import OriginationFee
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved, on
from tests.core.loans import Story, _event, product_of, terms, undone, with_more

LOAN = "instalment-act365"
FEE = 9_100
"""100 a night over the 91 nights of three instalments from 2024-01-01."""


def story(
    policies: PolicyBook, *events: tuple[Kind, str, int | None], product: str = LOAN
) -> Story:
    start = Story(policies).lent(terms(policies, product, n=3))
    rows = [
        _event(kind, 1, on, amount, f"{n}", None) for n, (kind, on, amount) in enumerate(events)
    ]
    return Story(policies, (*start.rows, *rows))


CAPITALISED = (Kind.fee_capitalised, "2024-01-01", FEE)
BOUGHT = (Kind.rate_bought_down, "2024-01-01", FEE)


def test_a_capitalised_fee_is_owed_at_once_and_income_by_nights(policies: PolicyBook) -> None:
    life = story(policies, CAPITALISED).live("2024-04-02")
    first, later = life.on("2024-01-01"), life.on("2024-02-01")
    assert first["principal"] == 120_000 + FEE
    assert (first["income_deferred"], later["income_deferred"]) == (FEE, FEE - 31 * 100)
    assert moved(life.days, "loan_principal", "deferred_fee_income") == FEE
    assert moved(life.days, "deferred_fee_income", "interest_income") == FEE
    assert life.on("2024-04-01")["income_deferred"] == 0
    # the level instalment pays the fee off too
    billed = life.on("2024-02-01")
    plain = story(policies).live("2024-02-01").on("2024-02-01")
    assert billed["principal_due"] > plain["principal_due"] + FEE // 3 - 100


def test_what_a_bought_down_fee_leaves_is_income_when_the_loan_is_paid_off(
    policies: PolicyBook,
) -> None:
    paid = (Kind.payment_received, "2024-01-11", 121_000)
    # 120,000 at 12 % over 10 nights: 395, so that 605 of the money is left
    back = (Kind.credit_refunded, "2024-01-12", 605)
    again = (Kind.fee_capitalised, "2024-01-13", 7_900)
    life = story(policies, BOUGHT, paid, back, again).live("2024-01-14")
    assert life.on("2024-01-10")["income_deferred"] == FEE - 900
    assert life.on("2024-01-11")["status"] == Status.overpaid
    assert moved(life.days, "payment_clearing", "deferred_fee_income") == FEE
    assert life.on("2024-01-10")["principal"] == 120_000  # the borrower owes none of it
    # a fee that joins the principal opens a loan again that was paid in full: 79 nights to its maturity
    assert life.on("2024-01-12")["status"] == Status.closed
    opened = life.on("2024-01-14")
    assert (opened["status"], opened["principal"]) == (Status.active, 7_900)
    assert opened["income_deferred"] == 7_900 - 100
    assert moved(life.days, "deferred_fee_income", "interest_income") == FEE + 100


def test_a_charge_off_takes_the_rest_against_the_loss(policies: PolicyBook) -> None:
    life = story(policies, BOUGHT, (Kind.charge_off, "2024-01-21", None)).live("2024-01-25")
    assert moved(life.days, "deferred_fee_income", "credit_loss") == FEE - 2_000
    assert moved(life.days, "deferred_fee_income", "interest_income") == 2_000


def test_a_fee_after_a_charge_off_lessens_the_loss_at_once(policies: PolicyBook) -> None:
    off = (Kind.charge_off, "2024-01-10", None)
    later = (Kind.fee_capitalised, "2024-01-21", FEE)
    life = story(policies, off, later).live("2024-01-25")
    assert moved(life.days, "deferred_fee_income", "credit_loss") == FEE
    assert moved(life.days, "deferred_fee_income", "interest_income") == 0
    assert life.on("2024-01-25")["income_deferred"] == 0


@pytest.mark.parametrize(("amount", "back"), [(5_000, 0), (8_000, 900)])
def test_an_adjustment_gives_back_income_beyond_what_is_left(
    policies: PolicyBook, amount: int, back: int
) -> None:
    less = (Kind.capitalised_fee_adjusted, "2024-01-21", amount)
    life = story(policies, CAPITALISED, less).live("2024-01-22")
    assert moved(life.days, "interest_income", "deferred_fee_income") == back
    rest = FEE - 2_000 - amount + back
    assert life.on("2024-01-21")["income_deferred"] == rest
    assert life.on("2024-01-22")["income_deferred"] == rest - round(rest / 71)
    assert life.on("2024-01-21")["principal"] < 120_000 + FEE


def test_an_extension_runs_the_line_to_the_new_maturity(policies: PolicyBook) -> None:
    body = json.dumps({"instalments": 3})
    rows = (
        *story(policies, BOUGHT).rows,
        _event(Kind.term_extended, 1, "2024-02-10", None, "x", body),
    )
    life = Story(policies, rows).live("2024-04-01")
    left = FEE - 40 * 100
    assert life.on("2024-02-10")["income_deferred"] == left
    days = (dt.date(2024, 7, 1) - dt.date(2024, 2, 10)).days
    assert life.on("2024-04-01")["income_deferred"] == left - round(left * 51 / days)


def test_a_straight_line_origination_fee_is_deferred_out_of_the_payout(
    policies: PolicyBook,
) -> None:
    made = product_of(policies, LOAN)
    since = dt.date(2000, 1, 1)
    fee = OriginationFee(name="even", version=1, effective_from=since, flat_minor=FEE,
                         recognition="straight_line")  # fmt: skip
    product = made.model_copy(
        update={"name": "even", "origination_fee": "even", "deferred_income": "fee"}
    )
    book = with_more(policies, ("products", product), ("origination_fees", fee))
    life = story(book, product="even").live("2024-02-01")
    assert moved(life.days, "payout_clearing", "deferred_fee_income") == FEE
    assert moved(life.days, "deferred_fee_income", "fee_income") == 3_100


def test_a_fee_that_is_taken_back_late_never_was_income(policies: PolicyBook) -> None:
    events = story(policies, CAPITALISED, BOUGHT)
    key = events.rows[-2]["idempotency_key"]
    back = undone(key, "2024-02-10")
    late = told(
        events, (0, back), (25, _event(Kind.buy_down_adjusted, 1, "2024-01-20", 1_000, "l", None))
    )
    days = [d for d, _ in same_as_in_time(late, policies, dt.date(2024, 2, 20))]
    line = pl.col("credit") == ROLE["deferred_fee_income"]
    given = pl.concat(d.transfers for d in days).filter(line)
    assert given.filter(pl.col("debit") == ROLE["interest_income"])["amount"].sum() > 3_000


def test_a_loan_that_comes_back_stands_in_the_period_of_the_day(policies: PolicyBook) -> None:
    back = (Kind.chargeback, "2024-03-10", 40_000)
    life = told(story(policies, (Kind.settlement_reached, "2024-02-28", None), back))
    days = [d for d, _ in same_as_in_time(life, policies, dt.date(2024, 4, 2))]
    assert on(days, "2024-04-01")["principal_due"] == 40_000
