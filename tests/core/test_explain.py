"""Explain: the lines of a loan sum to its position, and name the rule of each."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import LateFee
from loanbook.core.policy.product_rules.interest import PenalRules
from loanbook.core.policy.product_rules.payments import MoneyRule
from loanbook.core.policy.product_rules.payouts import AdvanceRules
from loanbook.core.reporting.journal import journal, unbalanced
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.explain.instalments import instalments
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.fast_forward import fast_forward
from loanbook.core.servicing.replay.replay import replay
from tests.core.loans import (
    Story,
    _event,
    changed,
    charged_back,
    product_of,
    ruled,
    terms,
    with_more,
)
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
    assert any(" past due, counted from 2024-03-01" in each for each in text)
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


def test_nights_of_several_bases_between_two_events_are_told_once_each(
    policies: PolicyBook,
) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    for day in ("2024-02-02", "2024-03-02", "2024-04-02"):
        story = story.paid(21_000, day, ref=day)
    later = _event(Kind.due_date_moved, 1, "2024-03-12", None, "m", '{"due_date": "2024-04-15"}')
    events = Story(policies, (*story.rows, later)).events()
    as_of = dt.date(2024, 4, 20)
    why = explain(replay(events, policies, as_of), policies, 1, as_of)
    assert why.accounted
    told = [(line.date, line.what) for line in why.lines]
    assert len(told) == len(set(told))


def test_money_in_advance_names_who_placed_it(policies: PolicyBook) -> None:
    """100.00 off the principal by the sender's word, 5.00 by the rule for goodwill, 10.00 by the product's."""
    goodwill = {"goodwill_credit": MoneyRule(waterfall="standard", excess="last_instalment")}
    ours = ruled(policies, "instalment-act365", "payments", by_kind=goodwill)
    told = _event(Kind.payment_received, 1, "2024-01-10", 10_000, "p",
                  json.dumps({"designation": "principal_only"}))  # fmt: skip
    kind = _event(Kind.goodwill_credit, 1, "2024-01-11", 500, "g", json.dumps({"reason": "test"}))
    story = Story(ours).lent(terms(ours, "instalment-act365")).paid(1_000, "2024-01-12")
    events = Story(ours, (*story.rows, told, kind)).events()
    as_of = dt.date(2024, 1, 13)
    why = explain(replay(events, ours, as_of), ours, 1, as_of)
    assert why.accounted
    by_day = {str(line.date): line.rule for line in why.lines if "in advance" in line.what}
    assert "designation principal_only (curtailment)" in by_day["2024-01-10"]
    assert "payments.by_kind.goodwill_credit.excess last_instalment" in by_day["2024-01-11"]
    assert "payments.excess next_instalment" in by_day["2024-01-12"]


@pytest.mark.parametrize("accounting", ["accrual", "cash"])
def test_each_charge_by_rule_is_told_by_its_own_rule(policies: PolicyBook, accounting: str) -> None:
    """A late fee, the fee of a year and that of a payoff beside penal interest: also where all of them are held
    in memorandum until money comes."""
    penal = product_of(policies, "instalment-inr").penal
    assert penal is not None
    ours = changed(policies, "instalment-act365", accounting=accounting, annual_fee="annual",
                   prepayment_fee="prepayment", penal=penal.model_copy(update={"grace_days": 11}))  # fmt: skip
    loan = terms(ours, "instalment-act365", n=3, start="2023-03-01", first_due="2024-02-01")
    story = Story(ours).lent(loan).paid(100_00, "2024-02-12").paid(3_000_00, "2024-03-10", ref="q")
    as_of = dt.date(2024, 3, 10)
    why = explain(replay(story.events(), ours, as_of), ours, 1, as_of)
    assert why.accounted
    rules = ("penal", "late_fees/standard@1", "fees/annual@1", "fees/prepayment@1")
    told = {
        (str(line.date), rule, *line.moves.items())
        for line in why.lines for rule in rules if line.rule.endswith(rule)
    }  # fmt: skip
    assert told == {
        ("2024-02-12", "late_fees/standard@1", ("penalties", 17_43)),  # 5 % of 348.60 unpaid
        ("2024-03-01", "penal", ("penalties", 4_13)),  # 348.60 * 24 % * 18/365 = 4.126
        ("2024-03-01", "fees/annual@1", ("fees", 10_00)),
        ("2024-03-10", "penal", ("penalties", 2_06)),  # 348.60 * 24 % * 9/365 = 2.063
        ("2024-03-10", "fees/prepayment@1", ("fees", 8_94)),  # 2 % of what was not due yet
    }


def test_a_charge_off_leaves_the_claim_and_says_so(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).charged_off("2024-03-10")
    as_of = dt.date(2024, 4, 1)
    why = explain(
        replay(story.paid(2_000, "2024-03-20").events(), policies, as_of), policies, 1, as_of
    )
    assert why.accounted
    assert any("takes the loan off the books" in line.what for line in why.lines)


def test_a_claim_off_the_books_is_told_by_its_parts(policies: PolicyBook) -> None:
    """Charged off and given up, in memorandum one sum each: by order; after money, a chargeback and a waiver;
    with interest of a fixed schedule; booked as cash comes, with a fee and a penalty; all on one day."""
    made = product_of(policies, "instalment-act365")
    goes_on = made.interest.model_copy(update={"after_charge_off": "regular"})
    fixed = goes_on.model_copy(update={"accrual": "scheduled"})
    whole = made.schedule.model_copy(update={"materialised": True})
    kinds = {"goes-on": {"interest": goes_on}, "cash": {"interest": goes_on, "accounting": "cash"},
             "whole": {"interest": fixed, "schedule": whole}, "ends": {}}  # fmt: skip
    ours = with_more(policies, *(("products", made.model_copy(update={"name": name, **rules}))
                                 for name, rules in kinds.items()))  # fmt: skip
    story, rows = Story(ours), []
    for loan_id, name in enumerate([*kinds, "cash"], start=1):
        story = story.lent(terms(ours, name, loan_id=loan_id, n=4))
        ending = Kind.write_off if loan_id % 2 else Kind.settlement_reached
        off, gone = ("2024-03-10", "2024-03-25") if loan_id < 5 else ("2024-03-10",) * 2
        what = [
            (Kind.payment_received, "2024-02-03", 31_000, None),
            (Kind.charge_assessed, "2024-02-05", 700, {"component": 2, "due_date": "2024-02-20"}),
            (Kind.charge_assessed, "2024-02-05", 300, {"component": 3, "due_date": "2024-02-25"}),
            (Kind.charge_off, off, None, None), (Kind.payment_received, "2024-03-12", 2_000, None),
            (Kind.chargeback, "2024-03-14", 9_000, None),
            (Kind.interest_waived, "2024-03-15", 100, None), (ending, gone, None, None),
        ]  # fmt: skip
        rows += [_event(kind, loan_id, on, amount, f"{n}", json.dumps(body) if body else None)
                 for n, (kind, on, amount, body) in enumerate(what)]  # fmt: skip
    events = Story(ours, (*story.rows, *rows)).events()
    last = dt.date(2024, 3, 26)
    days = list(replay(events, ours, last))
    for loan_id in range(1, 6):
        why = explain(days, ours, loan_id, last)
        assert why.accounted, loan_id
        over = {part: sum(line.moves.get(part, 0) for line in why.lines) for part in why.stands}
        assert over == why.stands
    (given,) = [line for line in explain(days, ours, 1, last).lines
                if str(line.date) == "2024-03-25" and "memo_claim" in line.what]  # fmt: skip
    eve = days[-3][1].book.positions.row(by_predicate=pl.col("loan_id") == 1, named=True)
    assert given.moves["principal"] == -eve["principal"]
    before, done = days[-2]
    night = done.book.positions.row(by_predicate=pl.col("loan_id") == 1, named=True)[
        "accrued_today"
    ]
    assert given.moves["interest"] == -(eve["interest_accrued"] + eve["interest_due"] + night)
    bent = done.book.positions.with_columns(fees_due=pl.col("fees_due") + 1)
    bent_day = (before, replace(done, book=replace(done.book, positions=bent)))
    assert not explain([*days[:-2], bent_day], ours, 1, done.date).accounted


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
    assert "3.65 % more on 500.00 of cash advances" in told
    assert "active duty" in told


def test_which_rule_made_a_penalty_is_known(policies: PolicyBook) -> None:
    # a fee of 15.00 from the fourth day, penal interest at 24 % on what is overdue from the same evening
    fee = LateFee(name="by-place", version=1, effective_from=dt.date(2000, 1, 1), grace_days=3,
                  flat_minor=1_500)  # fmt: skip
    made = product_of(policies, "instalment-act365").model_copy(
        update={"late_fee": "by-place", "penal": PenalRules(rate_percent="24", grace_days=4)}
    )
    both = policies.with_rules("late_fees", fee).with_rules("products", made)
    story = Story(both).lent(terms(both, "instalment-act365", n=12)).paid(2_000, "2024-02-20")
    as_of = dt.date(2024, 2, 20)
    why = explain(replay(story.events(), both, as_of), both, 1, as_of)
    assert why.accounted
    charged = [line for line in why.lines if line.moves.get("penalties", 0) > 0]
    # the instalment less 1,200.00 x 12 % x 31/365 = 12.23 of interest is overdue principal
    assert [(line.date, line.rule, line.moves["penalties"]) for line in charged] == [
        (dt.date(2024, 2, 5), "late_fees/by-place@1", 1_500),
        (dt.date(2024, 2, 20), "products/instalment-act365@1 penal", 93),
    ]
    assert " × 24 % × 15/365" in charged[1].what


def test_a_loan_that_was_written_off_owes_nothing_and_is_not_late(policies: PolicyBook) -> None:
    gone = _event(Kind.write_off, 1, "2024-05-01", None, "w", None)
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    as_of = dt.date(2024, 5, 1)
    events = Story(policies, (*story.rows, gone)).events()
    why = explain(replay(events, policies, as_of), policies, 1, as_of)
    assert why.accounted
    assert (set(why.stands.values()), why.days_past_due) == ({0}, 0)


def test_a_line_of_interest_shows_its_formula_and_the_tapes_adjustment(
    policies: PolicyBook,
) -> None:
    # the first interest of the sample's loans: 12,000.00 x 6.08 % x 1/12 = 60.80, less 4.05
    sample = terms(policies, "lendingclub-personal", principal=1_200_000, rate="6.08",
                   adjustment=-405)  # fmt: skip
    as_of = dt.date(2024, 2, 1)
    why = explain(
        replay(Story(policies).lent(sample).events(), policies, as_of), policies, 1, as_of
    )
    (line,) = [line for line in why.lines if "interest of 31 nights" in line.what]
    assert line.moves == {"interest": 5_675}
    assert "12000.00 × 6.08 % × 1/12 × 31/31 nights − 4.05 × 31/31" in line.what
    assert "first_interest_adjustment = 56.7500" in line.what


def test_a_charge_to_come_hides_no_arrears_of_its_instalment(policies: PolicyBook) -> None:
    """Two weeks from 3 June; 990.00 on 29 June leave principal that bears interest after its last due date.

    A fee of 11.00 due on 1 August is a due of its own, beside what was billed after the last instalment.
    """
    loan = terms(policies, "instalment-act365", n=2, principal=100_000, start="2024-06-03",
                 first_due="2024-06-10", unit=Unit.weeks)  # fmt: skip
    story = Story(policies).lent(loan).paid(99_000, "2024-06-29")
    body = json.dumps({"component": 2, "due_date": "2024-08-01"})
    fee = _event(Kind.charge_assessed, 1, "2024-07-01", 1_100, "f", body)
    events, on = Story(policies, (*story.rows, fee)).events(), dt.date(2024, 7, 20)
    life = fast_forward(Book.empty(policies.pins, events), events, policies, on)
    either = (pl.col("instalment_no") == 3) | (pl.col("fees") > 0)
    assert instalments(life, policies, on).filter(either).select("due_date", "fees", "status").rows() == [
        (dt.date(2024, 6, 24), 0, "past due"), (dt.date(2024, 8, 1), 1_100, "to come"),
    ]  # fmt: skip
