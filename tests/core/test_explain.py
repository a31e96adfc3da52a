"""Explain: the lines of a loan sum to its position, and name the rule of each."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules import AdvanceRules
from loanbook.core.reporting.journal import journal, unbalanced
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.replay.replay import replay
from tests.core.loans import Story, _event, charged_back, ruled, terms
from tests.core.test_advances import drawn


@pytest.mark.parametrize(
    "product", ["instalment-act365", "lendingclub-personal", "equal-principal", "flat-rate"]
)
def test_every_cent_is_accounted_for_by_an_event_and_a_rule(
    policies: PolicyBook, product: str
) -> None:
    story = (
        Story(policies).lent(terms(policies, product, n=4))
        .paid(31_000, "2024-02-03").paid(5_000, "2024-03-20", ref="q")
        .paid(140_000, "2024-04-25", ref="r")
    )  # fmt: skip
    chargeback = charged_back(9_000, "2024-05-02")
    events = Story(policies, (*story.rows, chargeback)).events()
    closes = list(replay(events, policies, dt.date(2024, 5, 10)))
    for day in ("2024-01-15", "2024-02-03", "2024-03-25", "2024-04-25", "2024-05-10"):
        as_of = dt.date.fromisoformat(day)
        known = [(before, done) for before, done in closes if done.date <= as_of]
        why = explain(known, policies, 1, as_of)
        assert why.accounted, (day, why.stands)
        assert all(line.rule for line in why.lines)
    text = [line.what for line in why.lines]
    assert any("days past due, counted from 2024-03-01" in each for each in text)
    assert any("principal of instalment 1" in each for each in text)


def test_a_change_of_the_contract_is_told_with_what_it_asked(policies: PolicyBook) -> None:
    body = json.dumps({"rate_ppb": 45_000_000, "keep": "term"})
    change = _event(Kind.rate_changed, 1, "2024-01-20", None, "r", body)
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    events = Story(policies, (*story.rows, change)).events()
    as_of = dt.date(2024, 2, 3)
    why = explain(replay(events, policies, as_of), policies, 1, as_of)
    assert why.accounted
    assert any("4.5 %, the term stays" in line.what for line in why.lines)


def test_a_charge_off_leaves_the_claim_and_says_so(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).charged_off("2024-03-10")
    as_of = dt.date(2024, 4, 1)
    why = explain(
        replay(story.paid(2_000, "2024-03-20").events(), policies, as_of), policies, 1, as_of
    )
    assert why.accounted
    assert any("takes the loan off the books" in line.what for line in why.lines)


def test_a_days_journal_balances_and_names_the_lenders_accounts(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).charged_off("2024-03-10")
    day = story.live("2024-03-10").days[-1]
    lines = journal(day.transfers, policies, day.date)
    assert unbalanced(lines).is_empty()
    accounts = dict(lines.filter(lines["debit"] > 0).select("role", "account").rows())
    assert accounts["credit_loss"] == "5100"
    assert lines["ledger"].unique().sort().to_list() == ["general", "memorandum"]


def test_advances_of_a_line_and_what_moves_nothing_are_told(policies: PolicyBook) -> None:
    card = ruled(policies, "credit-line", "line", cash_advances=AdvanceRules(margin_percent="3.65"))
    flag = _event(Kind.flag_set, 1, "2024-01-20", None, "f", '{"flag": "active_duty"}')
    story = Story(card, (*drawn(card).rows, flag)).paid(40_000, "2024-02-10")
    last = dt.date(2024, 3, 2)
    why = explain(replay(story.events(), card, last), card, 1, last)
    assert why.accounted
    told = " ".join(line.what for line in why.lines)
    assert "3.65 % more on 50000 minor units of advances" in told
    assert "active duty" in told
