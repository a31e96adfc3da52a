"""A small credit that nobody asks for: refunded, income, or the state's; never lost."""

from __future__ import annotations

import datetime as dt

import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.product_rules.endings import SmallCreditRules
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.replay.replay import replay
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved
from tests.core.loans import Story, _event, changed, charged_back, payment, terms

LOAN = "instalment-act365"


def ruled(policies: PolicyBook, months: int, becomes: str) -> PolicyBook:
    rule = SmallCreditRules(up_to_minor=500, after_months=months, becomes=becomes)  # type: ignore[arg-type]
    return changed(policies, LOAN, small_credit=rule)


def paid_off(policies: PolicyBook, more: int) -> Story:
    """A loan paid off on 20 January with so much left."""
    lent = Story(policies).lent(terms(policies, LOAN, n=3))
    owed = lent.live("2024-01-20").on("2024-01-20")
    return lent.paid(owed["principal"] + owed["interest_accrued"] + more, "2024-01-20")


@pytest.mark.parametrize(
    ("becomes", "role"),
    [("refunded", "payout_clearing"), ("income", "unclaimed_credit_income"),
     ("escheated", "escheat_payable")],
)  # fmt: skip
def test_a_small_credit_is_let_go_at_once(policies: PolicyBook, becomes: str, role: str) -> None:
    ours = ruled(policies, 0, becomes)
    life = paid_off(ours, 500).live("2024-01-20")
    assert (life.on("2024-01-20")["status"], life.on("2024-01-20")["credit"]) == (Status.closed, 0)
    assert moved(life.days, "borrower_credit", role) == 500
    large = paid_off(ours, 501).live("2024-01-22").on("2024-01-22")
    assert (large["status"], large["credit"]) == (Status.overpaid, 501)


def test_months_are_counted_from_the_last_change_of_the_credit(policies: PolicyBook) -> None:
    ours = ruled(policies, 1, "escheated")
    story = paid_off(ours, 300)
    life = story.live("2024-02-20")
    assert life.on("2024-02-19")["credit"] == 300
    assert life.on("2024-02-20")["status"] == Status.closed
    refund = _event(Kind.credit_refunded, 1, "2024-02-10", 100, "r", None)
    asked = Story(ours, (*story.rows, refund)).live("2024-03-10")
    assert asked.on("2024-03-09")["credit"] == 200
    assert moved(asked.days, "borrower_credit", "escheat_payable") == 200


def test_news_of_such_a_loan_is_as_in_time(policies: PolicyBook) -> None:
    ours = ruled(policies, 1, "income")
    story = paid_off(ours, 300)
    other = tuple(
        row | {"loan_id": 2, "idempotency_key": f"2/{row['idempotency_key']}"} for row in story.rows
    )
    back = charged_back(9_000, "2024-02-25", loan_id=2, ref="b")
    late = told(
        Story(ours, (*story.rows, *other, back)),
        (45, payment(150, "2024-01-10", ref="e")),
        (20, payment(150, "2024-01-10", loan_id=2, ref="e")),
    )
    same_as_in_time(late, ours, dt.date(2024, 3, 3))


def test_explain_names_the_rule(policies: PolicyBook) -> None:
    ours = ruled(policies, 1, "escheated")
    as_of = dt.date(2024, 2, 20)
    why = explain(replay(paid_off(ours, 300).events(), ours, as_of), ours, 1, as_of)
    assert why.accounted
    line = next(each for each in why.lines if "small credit" in each.what)
    assert line.what == "a small credit is escheated after a month: 3.00"
    assert line.rule.endswith("small_credit")


def test_a_rule_without_a_use_is_refused() -> None:
    body = "name: a\nversion: 1\neffective_from: 2020-01-01\nsmall_credit: {up_to_minor: 0}\n"
    with pytest.raises(PolicyError, match="small_credit"):
        parse("products", "a.yaml", body)
