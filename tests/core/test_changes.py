"""Changes to a contract: what is billed stays, what is to come is made anew."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.terms import Terms
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.opening import agreed_terms
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import days_of, on
from tests.core.loans import Story, _event, terms, undone


def test_nights_before_a_rate_change_bear_the_old_rate(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-02-01",
                   (Kind.rate_changed, "2024-01-16", {"rate_ppb": 60_000_000}))  # fmt: skip
    # 1,200.00: 15 nights at 12 % and 16 at 6 % of 365 days are 5.9178 + 3.1562
    assert on(days, "2024-02-01")["interest_due"] == 907
    assert on(days, "2024-02-01")["rate_ppb"] == 60_000_000


def test_a_scheduled_loan_blends_the_rates_of_the_period(policies: PolicyBook) -> None:
    days = days_of(policies, "equal-principal", "2024-03-01",
                   (Kind.rate_changed, "2024-01-16", {"rate_ppb": 60_000_000}))  # fmt: skip
    # 30/360: 12.00 a month at 12 %, 6.00 at 6 %, by 15 and 16 of 31 days; then 5.50
    assert on(days, "2024-02-01")["interest_due"] == 890
    assert on(days, "2024-03-01")["interest_due"] == 890 + 550


def test_a_flat_loan_bears_the_new_rate_on_what_was_lent(policies: PolicyBook) -> None:
    days = days_of(policies, "flat-rate", "2024-04-01",
                   (Kind.rate_changed, "2024-01-16", {"rate_ppb": 60_000_000}))  # fmt: skip
    # 12.00 a month at 12 %, 6.00 at 6 %: by 15 and 16 of 31 days, then whole months
    assert [on(days, f"2024-0{m}-01")["interest_due"] for m in (2, 3, 4)] == [890, 1490, 2090]
    last = on(days, "2024-04-01")
    pins = policies.pins
    stored = days[-1].book.terms.select(Terms.column_names())
    assert (
        agreed_terms(stored, pins)["flat_interest"].to_list() == [last["flat_interest"]] == [7200]
    )


def test_a_scheduled_level_instalment_discounts_at_both_rates(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-inr", "2024-01-16",
                   (Kind.rate_changed, "2024-01-16", {"rate_ppb": 60_000_000}))  # fmt: skip
    first = 1 + (0.01 * 15 + 0.005 * 16) / 31
    factor = sum(1 / (first * 1.005**k) for k in range(12))
    assert abs(on(days, "2024-01-16")["emi"] - 120_000 / factor) <= 50  # to the whole rupee


def test_a_longer_term_pays_off_on_its_last_instalment(policies: PolicyBook) -> None:
    products = {1: "instalment-act365", 2: "equal-principal", 3: "interest-only"}
    story, longer = Story(policies), '{"instalments": 2}'
    for n, product in products.items():
        story = story.lent(terms(policies, product, loan_id=n, n=3))
    rows = [_event(Kind.term_extended, n, "2024-02-10", None, "0", longer) for n in products]
    days = Story(policies, (*story.rows, *rows)).live("2024-06-01").days
    for n, product in products.items():
        assert on(days, "2024-05-31", n)["principal_due"] < 120_000, product
        last = on(days, "2024-06-01", n)
        assert (last["instalments"], last["principal_due"]) == (5, 120_000), product
        if product == "instalment-act365":
            assert on(days, "2024-02-11", n)["emi"] != on(days, "2024-02-09", n)["emi"]


def test_a_moved_due_date_moves_those_after_it(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-03-20",
                   (Kind.due_date_moved, "2024-01-20", {"due_date": "2024-02-15"}))  # fmt: skip
    assert on(days, "2024-02-14")["principal_due"] == 0
    # 45 nights of 1,200.00 at 12 %
    assert on(days, "2024-02-15")["interest_due"] == 1775
    assert on(days, "2024-02-15")["next_due_date"] == dt.date(2024, 3, 15)


def test_a_later_instalment_that_moves_leaves_those_before_it(policies: PolicyBook) -> None:
    """Known late, it is as if it had come in time."""
    story = (
        Story(policies).lent(terms(policies, "instalment-act365", n=4)).paid(30_755, "2024-02-01")
    )
    body = json.dumps({"due_date": "2024-04-16", "keep": "instalment", "from_date": "2024-04-01"})
    moves = _event(Kind.due_date_moved, 1, "2024-01-20", None, "m", body)
    days = same_as_in_time(told(story, (30, moves)), policies, dt.date(2024, 5, 20))
    closed = [day for day, _ in days]
    assert on(closed, "2024-02-20")["next_due_date"] == dt.date(2024, 3, 1)
    assert on(closed, "2024-03-20")["next_due_date"] == dt.date(2024, 4, 16)
    assert on(closed, "2024-04-16")["next_due_date"] == dt.date(2024, 5, 16)


def test_reamortising_spreads_early_money_over_the_term(policies: PolicyBook) -> None:
    days = days_of(policies, "interest-only", "2024-02-10",
                   (Kind.payment_received, "2024-01-20", 40_000),
                   (Kind.reamortised, "2024-02-05", {}))  # fmt: skip
    assert on(days, "2024-02-10")["status"] == Status.active


def test_a_late_rate_change_restates_the_days_since(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).paid(10_662, "2024-02-01")
    body = json.dumps({"rate_ppb": 90_000_000})
    change = _event(Kind.rate_changed, 1, "2024-01-10", None, "r", body)
    key = change["idempotency_key"]
    undo = undone(key, "2024-03-20", ref="u")
    events = told(story, (40, change), (0, undo))
    days = [d for d, _ in same_as_in_time(events, policies, dt.date(2024, 4, 3))]
    assert on(days, "2024-03-10")["rate_ppb"] == 90_000_000
    assert on(days, "2024-03-20")["rate_ppb"] == 120_000_000


def test_a_change_of_one_loans_rate_is_none_of_another_loan(policies: PolicyBook) -> None:
    """Found in a batch: beside a loan with two rates others had no figures of a period."""
    products = ("instalment-act365", "lendingclub-personal", "equal-principal", "step-up")
    loans = {n: terms(policies, product, loan_id=n) for n, product in enumerate(products, start=1)}
    extended = json.dumps({"instalments": 6, "keep": "term"})
    orders = [
        _event(Kind.rate_changed, 1, "2024-02-10", None, "r", json.dumps({"rate_ppb": 9 * 10**7, "keep": "term"})),
        *(_event(Kind.term_extended, n, "2024-03-15", None, f"x{n}", extended) for n in (1, 2, 4)),
        *(_event(Kind.reamortised, n, "2024-04-15", None, f"a{n}", '{"keep": "term"}') for n in (1, 2)),
    ]  # fmt: skip
    together = Story(policies)
    for loan in loans.values():
        together = together.lent(loan)
    whole = Story(policies, (*together.rows, *orders)).live("2024-05-02").days[-1].book
    for n, loan in loans.items():
        own = [row for row in orders if row["loan_id"] == n]
        alone = Story(policies, (*Story(policies).lent(loan).rows, *own)).live("2024-05-02")
        book = alone.days[-1].book
        assert book.positions.equals(whole.positions.filter(pl.col("loan_id") == n))
        assert book.terms.equals(whole.terms.filter(pl.col("loan_id") == n))


def test_a_moved_period_bears_its_days_also_where_the_first_was_short_by_as_many(
    policies: PolicyBook,
) -> None:
    """Paid out 5 days into the month before 1 February; due dates move to the 6th. 34 days of a period whose regular
    one, 6 February to 6 March, has 29: balance x 12 % / 12 x 34/29. It bore a whole period, for counted back from the
    6th the first one is whole."""
    starts = {1: "2024-01-06", 2: "2024-01-10", 3: "2024-01-01"}
    story = Story(policies)
    for loan, start in starts.items():
        story = story.lent(terms(policies, "multi-tranche", loan_id=loan, n=6, start=start))
        moves = _event(Kind.due_date_moved, loan, "2024-02-03", None, "m",
                       json.dumps({"due_date": "2024-03-06", "keep": "term"}))  # fmt: skip
        paid = story.paid(20_000, "2024-02-01", loan_id=loan)
        story = replace(paid, rows=(*paid.rows, moves))
    life = story.live("2024-03-06")
    for loan in starts:
        balance = life.on("2024-02-01", loan)["principal"]
        assert life.on("2024-03-06", loan)["interest_due"] == round(balance * 34 / 29 / 100), loan
