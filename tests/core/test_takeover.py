"""Loans that already live: taken over with their balances, they go on as they would have."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from core.ledger.accounts import ROLE
from core.ledger.codes import Kind
from core.origination.boarding import payload
from core.policy.book import PolicyBook
from core.servicing.takeover import BALANCES, openings, tied
from tests.core.loans import Life, Story, _event, terms
from tests.core.test_late_news import same_as_in_time, told

PAID = (("2024-02-01", 10_662), ("2024-03-05", 10_662), ("2024-04-20", 4_000))
"""One on time, one late, one in part: the last instalment before May is past due."""


def taken_over(policies: PolicyBook, product: str, on: str, life: Life) -> Story:
    """The loan of `life` as its servicer's tape would tell it at the end of a day."""
    position = life.on(on)
    loan = terms(policies, product, n=12)
    emi = life.days[-1].book.terms["emi"][0]
    loan = loan.with_columns(
        emi=pl.lit(emi),
        taken_over_on=pl.lit(dt.date.fromisoformat(on)),
        principal_left=pl.lit(position["principal"] - position["principal_due"]),
    )
    late = position["oldest_due_date"]
    body = {name: position[name] for name in BALANCES}
    body |= {"past_due_since": late.isoformat() if late else None}
    boarded = _event(Kind.loan_boarded, 1, on, None, "b", loan.select(payload(loan)).item())
    brings = _event(Kind.taken_over, 1, on, position["principal"], "t", json.dumps(body))
    return Story(policies, (boarded, brings))


@pytest.mark.parametrize(
    ("product", "on"),
    [
        ("instalment-act365", "2024-03-20"),
        ("instalment-act365", "2024-05-01"),
        ("equal-principal", "2024-04-30"),
        ("lendingclub-personal", "2024-05-01"),
    ],
)
def test_a_loan_that_is_taken_over_lives_on_as_it_would_have(
    policies: PolicyBook, product: str, on: str
) -> None:
    story = Story(policies).lent(terms(policies, product, n=12))
    for day, amount in PAID:
        story = story.paid(amount, day, ref=day)
    lived = story.live("2024-05-20")
    before = taken_over(policies, product, on, lived)
    for day, amount in PAID:
        if day > on:
            before = before.paid(amount, day, ref=day)
    ours = before.live("2024-05-20")
    names = ["principal", "principal_due", "interest_due", "credit", "instalment_no",
             "period_end", "next_due_date"]  # fmt: skip
    for day in (on, "2024-05-02", "2024-05-20"):
        was, is_ = lived.on(day), ours.on(day)
        for name in names:
            near = 0 if product == "equal-principal" else 2  # a fraction of a cent stays behind
            if isinstance(was[name], int):
                assert abs(was[name] - is_[name]) <= near, (day, name, was[name], is_[name])
            else:
                assert was[name] == is_[name], (day, name)
        assert was["days_past_due"] == is_["days_past_due"], day
    late = _event(Kind.payment_received, 1, "2024-05-03", 5_000, "l", None)
    same_as_in_time(told(before, (7, late)), policies, dt.date(2024, 5, 14))


def test_what_loans_bring_stands_against_the_migration_account_and_ties(
    policies: PolicyBook,
) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365", n=12)).paid(900, "2024-02-01")
    lived = story.live("2024-04-02")
    life = taken_over(policies, "instalment-act365", "2024-04-02", lived).live("2024-04-05")
    position, balances = life.on("2024-04-02"), life.balances
    claim = position["principal"] + sum(
        position[n] for n in ("interest_accrued", "interest_due", "fees_due", "penalties_due")
    )
    held = balances.filter(pl.col("account") == ROLE["migration"])["balance"].sum()
    assert held == -claim
    events = life.days[0].applied
    brought = openings(events)
    assert brought["on"].to_list() == [dt.date(2024, 4, 2)]
    lines = tied(brought, life.days[0].book.positions)
    assert lines["ties"].all(), lines.filter(~pl.col("ties"))
    assert lines.filter(pl.col("balance") == "days_past_due")["tape"][0] == 61
    wrong = life.days[0].book.positions.with_columns(interest_due=pl.col("interest_due") + 5)
    assert tied(brought, wrong).filter(~pl.col("ties"))["difference"].to_list() == [5]


def test_money_for_the_oldest_arrears_moves_days_past_due(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365", n=12))
    lived = story.live("2024-04-15")  # three instalments are past due
    owed = lived.on("2024-04-15")
    before = taken_over(policies, "instalment-act365", "2024-04-15", lived)
    third = -(-(owed["principal_due"] + owed["interest_due"] + owed["penalties_due"]) // 3) + 1_200
    life = before.paid(third, "2024-04-16").live("2024-04-16")
    assert life.on("2024-04-15")["days_past_due"] == 74
    assert life.on("2024-04-16")["days_past_due"] == 46
