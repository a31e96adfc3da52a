"""What products do that others do not: shortfalls, a level last instalment, small balances."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules.endings import ChargeOffRules
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.replay import relived
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved
from tests.core.loans import (
    Story,
    _event,
    changed,
    payment,
    product_of,
    ruled,
    terms,
    with_more,
)


def test_interest_above_a_fixed_payment_joins_the_principal(policies: PolicyBook) -> None:
    loan = terms(policies, "negative-amortiser", n=3, emi=1_000)
    story = Story(policies).lent(loan).paid(1_000, "2024-02-01")
    life = story.live("2024-03-02")
    billed = life.on("2024-02-01")
    assert billed["principal"] == 120_000 + 223  # 12.23 of interest, 10.00 of it paid
    assert moved(life.days, "loan_principal", "interest_accrued") == 223 + 146


def test_a_level_last_instalment_leaves_a_residue_that_a_small_balance_gives_up(
    policies: PolicyBook,
) -> None:
    """12.23, 7.67 and 4.12 of interest leave 0.02, which is just the small balance."""
    book = changed(policies, "instalment-act365", last_instalment="level", small_balance_minor=2)
    story = Story(book).lent(terms(book, "instalment-act365", n=3, emi=40_800))
    for due in ("2024-02-01", "2024-03-01", "2024-04-01"):
        story = story.paid(40_800, due, ref=due)
    life = story.live("2024-04-01")
    assert moved(life.days, "write_off_expense", "loan_principal") == 2
    assert life.on("2024-04-01")["status"] == Status.settled
    assert life.on("2024-04-01")["principal"] == 0


@pytest.mark.parametrize("rule", ["bears_its_nights", "fixed"])
def test_an_instalment_covered_in_advance_may_bear_no_more_interest(
    policies: PolicyBook, rule: str
) -> None:
    book = ruled(policies, "instalment-act365", "interest", covered_instalment=rule)
    story = Story(book).lent(terms(book, "instalment-act365", n=3)).paid(40_700, "2024-01-15")
    lived = relived(story.events(), book, dt.date(2024, 2, 1))
    assert lived is not None
    dues = lived.dues.filter(pl.col("instalment_no") == 1)
    unpaid = dict(dues.select("component", pl.col("amount") - pl.col("paid")).rows())
    # what is left of the instalment is interest of the later nights, or principal
    assert (unpaid.get(1, 0) > 0) == (rule == "bears_its_nights")
    assert (unpaid.get(0, 0) > 0) == (rule == "fixed")


def test_interest_joins_the_principal_by_order_and_not_off_the_books(policies: PolicyBook) -> None:
    joins = _event(Kind.interest_capitalised, 1, "2024-01-20", None, "j", '{"keep": "term"}')
    rows = (*Story(policies).lent(terms(policies, "instalment-act365", n=3)).rows, joins)
    life = Story(policies, rows).live("2024-01-20")
    earned = round(120_000 * 0.12 * 19 / 365)
    assert life.on("2024-01-20")["principal"] == 120_000 + earned
    assert life.on("2024-01-20")["interest_accrued"] == 0


def test_pay_in_four_takes_a_quarter_at_once(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "pay-in-four", rate="0", n=3))
    life = story.live("2024-02-01")
    assert life.on("2024-01-01")["principal_due"] == 30_000
    assert life.on("2024-02-01")["principal_due"] == 60_000


def _asked(life_terms: pl.DataFrame, policies: PolicyBook) -> list[int]:
    rows = expand(agreed_terms(life_terms, policies.pins))
    assert rows["principal"].sum() == 120_000
    return rows.select(pl.col("principal") + pl.col("interest")).to_series().to_list()


def test_instalments_grow_by_steps(policies: PolicyBook) -> None:
    asked = _asked(terms(policies, "step-up", n=6), policies)
    assert asked[0] == asked[1]
    assert asked[2] == asked[3] == round(asked[0] * 1.05)
    assert asked[4] == round(asked[0] * 1.05**2)
    assert abs(asked[5] - asked[4]) <= 6


def test_a_season_skips_halves_and_doubles(policies: PolicyBook) -> None:
    level, skipped, half, plain, double, last = _asked(terms(policies, "seasonal", n=6), policies)
    assert skipped == 0
    assert level == plain == 2 * half
    assert double == 2 * level
    assert abs(last - level) <= 6


@pytest.mark.parametrize("principal", [90_000, 90_070, 90_140])
def test_interest_of_a_skipped_month_is_rounded_when_it_is_asked(
    policies: PolicyBook, principal: int
) -> None:
    dated = ruled(policies, "seasonal", "schedule", rate_basis="ACT/365F")
    daily = ruled(dated, "seasonal", "interest", accrual="daily")
    story = Story(daily).lent(terms(daily, "seasonal", n=12, principal=principal))
    life = story.paid(9_000, "2024-02-01").live("2024-04-01")
    left = life.on("2024-02-01")["principal"]
    night = Fraction(left) * Fraction(12, 100) / 365  # nothing is asked in March
    assert life.on("2024-04-01")["interest_due"] == round(60 * night)


def test_an_effective_rate_compounds_to_itself(policies: PolicyBook) -> None:
    loan = terms(policies, "effective-rate", n=12, rate="7", principal=10**12)
    bullet = agreed_terms(loan, policies.pins).with_columns(
        amortisation=pl.lit(Amortisation.interest_only.value, dtype=pl.Int8)
    )
    month = expand(bullet)["interest"][0]
    grown = (1 + Fraction(month, 10**12)) ** 12
    assert abs(grown - Fraction(107, 100)) < Fraction(1, 10**10)


def test_the_life_of_a_loan_ends_at_zero_and_late_news_is_as_in_time(policies: PolicyBook) -> None:
    products = ("step-up", "seasonal", "effective-rate", "daily-rate")
    days = [f"2024-0{month}-01" for month in range(2, 8)]
    change = '{"rate_ppb": 90000000, "keep": "term"}'
    story, paid, late = Story(policies), Story(policies), []
    for loan_id, product in enumerate(products, start=1):
        rate = "0.1" if product == "daily-rate" else "12"
        loan = terms(policies, product, loan_id=loan_id, n=6, rate=rate)
        asked = _asked(loan, policies)
        story = story.lent(loan)
        for amount, on in zip(asked, days, strict=True):
            story = story.paid(amount, on, loan_id=loan_id, ref=on) if amount else story
        paid = paid.lent(loan).paid(asked[0], days[0], loan_id=loan_id, ref="a")
        paid = paid.paid(90_000, days[3], loan_id=loan_id, ref="b")
        late.append((20, payment(5_000, "2024-03-20", loan_id=loan_id, ref="l")))
        if product in ("step-up", "daily-rate"):  # another of each learns of a lower rate
            another = loan.with_columns(loan_id=pl.lit(10 + loan_id, dtype=pl.Int64))
            paid = paid.lent(another).paid(asked[0], days[0], loan_id=10 + loan_id, ref="a")
            event = _event(Kind.rate_changed, 10 + loan_id, "2024-03-11", None, "r", change)
            late.append((25, event))
    ends = story.live("2024-07-01").days[-1].book.positions
    assert ends.height == len(products)
    assert (ends["principal"] <= 10).all()  # daily products: the days of the month move the split
    # interest above a fixed payment; interest that joins the principal, of a charge-off that comes late
    paid = paid.lent(terms(policies, "negative-amortiser", loan_id=21, n=3, emi=1_000))
    paid = paid.paid(1_000, "2024-02-01", loan_id=21)
    late.append((20, payment(5_000, "2024-02-20", loan_id=21, ref="l")))
    paid = paid.lent(terms(policies, "instalment-act365", loan_id=22, n=3))
    joins = _event(Kind.interest_capitalised, 22, "2024-01-20", None, "j", '{"keep": "term"}')
    paid = Story(policies, (*paid.rows, joins))
    late.append((15, _event(Kind.charge_off, 22, "2024-01-10", None, "o", None)))
    same_as_in_time(told(paid, *late), policies, dt.date(2024, 4, 14))


def test_what_is_left_of_a_stepped_loan_keeps_its_steps_at_another_rate(
    policies: PolicyBook,
) -> None:
    change = _event(Kind.rate_changed, 1, "2024-02-01", None, "r",
                    '{"rate_ppb": 60000000, "keep": "term"}')  # fmt: skip
    rows = (*Story(policies).lent(terms(policies, "step-up", n=6)).rows, change)
    life = Story(policies, rows).live("2024-06-01")
    dues = life.dues("2024-06-01").filter(pl.col("component") <= 1)
    billed = dict(dues.group_by("instalment_no").agg(pl.col("amount").sum()).rows())
    assert billed[3] == billed[4] == round(billed[2] * 1.05)
    assert billed[5] == round(billed[2] * 1.05**2)


def test_arrears_take_a_loan_off_the_books_by_rule(policies: PolicyBook) -> None:
    # 15 days after 1 February are 16 February, whose month ends on the 29th
    cases = {1: ("day", "2024-02-16"), 2: ("month_end", "2024-02-29")}
    made = product_of(policies, "instalment-act365")
    book = with_more(
        policies,
        *(
            ("products", made.model_copy(
                update={"name": at, "charge_off": ChargeOffRules(days_past_due=15, at=at)}))
            for at, _ in cases.values()
        ),
    )  # fmt: skip
    story, late = Story(book), []
    for loan, (at, off) in cases.items():
        story = story.lent(terms(book, at, loan_id=loan, n=12))
        told_on = (dt.date.fromisoformat(off) - dt.date(2024, 1, 31)).days  # the day after it
        late.append((told_on, payment(11_000, "2024-02-01", loan_id=loan, ref="l")))
    life = story.live("2024-03-02")
    for loan, (_, off) in cases.items():
        eve = (dt.date.fromisoformat(off) - dt.timedelta(days=1)).isoformat()
        assert life.on(eve, loan)["status"] == Status.active
        assert life.on(off, loan)["status"] == Status.charged_off
        assert life.on(off, loan)["off_books"] >= 120_000
    same_as_in_time(told(story, *late), book, dt.date(2024, 3, 2))
