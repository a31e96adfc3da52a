"""Acceleration: all that is owed falls due on the day of the order."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.lives import days_of, moved, on
from tests.core.loans import Story, _event, ruled, terms
from tests.core.test_moratorium import PAID, PRINCIPAL, nights

CALLED = (Kind.contract_accelerated, "2024-02-15", {})


def test_the_running_instalment_ends_with_all_that_is_owed(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-02-20", PAID, CALLED)
    row = on(days, "2024-02-15")
    assert row["principal_due"] == row["principal"] == PRINCIPAL
    assert row["interest_due"] == nights(PRINCIPAL, 14)
    assert row["interest_accrued"] == 0
    assert row["instalments"] == 2
    assert on(days, "2024-02-20")["days_past_due"] == 5


def test_on_a_due_date_the_rest_joins_the_instalment_of_the_day(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-03-01", PAID,
                   (Kind.contract_accelerated, "2024-03-01", {}))  # fmt: skip
    dues = days[-1].book.dues.select("instalment_no", "component", "amount").rows()
    assert dues == [(2, 0, PRINCIPAL), (2, 1, nights(PRINCIPAL, 29))]


def test_an_accelerated_loan_is_paid_off_as_quoted(policies: PolicyBook) -> None:
    products = {1: "instalment-act365", 2: "lendingclub-personal", 3: "interest-only"}
    fee = json.dumps({"component": Component.fee.value, "due_date": "2024-03-15"})
    story = Story(policies)
    for loan, product in products.items():
        story = story.lent(terms(policies, product, loan_id=loan))
        story = story.paid(15_000, "2024-02-05", loan_id=loan)
        rows = (_event(Kind.charge_assessed, loan, "2024-02-10", 900, "f", fee),
                _event(Kind.contract_accelerated, loan, "2024-02-15", None, "a", "{}"))  # fmt: skip
        story = Story(policies, (*story.rows, *rows))
    book = story.live("2024-02-24").days[-1].book
    asked = quote(book, policies, dt.date(2024, 2, 25)).sort("loan_id")
    for loan, payoff in zip(products, asked["payoff"], strict=True):
        story = story.paid(payoff, "2024-02-25", loan_id=loan, ref="payoff")
    last = story.live("2024-02-25")
    assert asked["fees"].to_list() == [900] * 3
    for loan, product in products.items():
        end = last.on("2024-02-25", loan)
        assert (end["status"], end["credit"]) == (Status.closed, 0), product


@pytest.mark.parametrize("claims", ["earned", "scheduled"])
def test_a_write_off_gives_up_what_a_charge_off_claims(policies: PolicyBook, claims: str) -> None:
    other = ruled(
        policies,
        "instalment-act365",
        "interest",
        charge_off_claims=claims,
        after_charge_off="regular",
    )
    loan = terms(other, "instalment-act365")
    to_come = int(expand(agreed_terms(loan, other.pins))["interest"].sum())
    days = days_of(other, "instalment-act365", "2024-01-11", (Kind.write_off, "2024-01-11", {}))
    lost = moved(days, "write_off_expense", "interest_accrued")
    assert lost == (to_come if claims == "scheduled" else round(120_000 * 0.12 * 10 / 365))


def test_what_joins_an_instalment_that_bore_its_late_fee_bears_none(policies: PolicyBook) -> None:
    """Money bills the interest to its day, which falls due with what the acceleration asked."""
    loan = terms(policies, "simple-interest", principal=150_000, rate="18", start="2026-01-03",
                 first_due="2026-02-05")  # fmt: skip
    rows = (*Story(policies).lent(loan).rows,
            _event(Kind.contract_accelerated, 1, "2026-01-14", None, "a", "{}"))  # fmt: skip
    row = Story(policies, rows).paid(1_000, "2026-03-07").live("2026-03-08").on("2026-03-07")
    # 5 % of 1,508.14, 40.00 at most, and of the 22.93 of 14 February; 10.00 of it are paid
    assert row["penalties_due"] == 4_000 + 115 - 1_000
