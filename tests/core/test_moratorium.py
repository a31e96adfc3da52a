"""Moratoria and settlements: what is passed over, what is given up, and figures by hand."""

from __future__ import annotations

import datetime as dt
import json
from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.replay.replay import relived
from loanbook.core.servicing.schedule.projection import project
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import days_of, moved, on
from tests.core.loans import Story, _event, payment, terms

PAID = (Kind.payment_received, "2024-02-01", 10_662)
PRINCIPAL = 120_000 - (10_662 - 1_223)
"""After the first instalment of 106.62, of which 12.23 is the interest of 31 nights."""


def granted(rule: str, count: int = 2, on: str = "2024-02-10") -> tuple[Kind, str, dict]:  # type: ignore[type-arg]
    return (Kind.moratorium_granted, on, {"instalments": count, "interest": rule})


def nights(principal: int, count: int) -> int:
    exact = Decimal(principal) * count * 12 / 100 / 365
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def test_nothing_is_asked_until_the_moratorium_is_over(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-05-01", PAID, granted("simple"))
    for date in ("2024-03-01", "2024-04-01", "2024-04-30"):
        row = on(days, date)
        assert row["principal_due"] == row["interest_due"] == row["days_past_due"] == 0
        assert row["principal"] == PRINCIPAL
    first = on(days, "2024-05-01")
    assert first["instalment_no"] == 3
    assert first["principal_due"] + first["interest_due"] > 0


def test_simple_interest_waits_and_bears_none(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-05-01", PAID, granted("simple"))
    # 29, 31 and 30 nights of the same principal, each period rounded on its due date
    assert on(days, "2024-03-01")["interest_accrued"] == nights(PRINCIPAL, 29)
    assert on(days, "2024-04-01")["interest_accrued"] == nights(PRINCIPAL, 29) + nights(
        PRINCIPAL, 31
    )
    last = on(days, "2024-05-01")
    earned = last["interest_due"] + last["interest_accrued"]
    assert earned == sum(nights(PRINCIPAL, n) for n in (29, 31, 30))


def test_capitalised_interest_bears_interest_from_the_due_date_passed_over(
    policies: PolicyBook,
) -> None:
    days = days_of(policies, "instalment-act365", "2024-05-01", PAID, granted("capitalised"))
    one = PRINCIPAL + nights(PRINCIPAL, 29)
    two = one + nights(one, 31)
    assert on(days, "2024-03-01")["principal"] == one
    assert on(days, "2024-04-01")["principal"] == two
    assert on(days, "2024-04-01")["interest_accrued"] == 0
    assert on(days, "2024-05-01")["interest_due"] == nights(two, 30)
    assert moved(days, "loan_principal", "interest_accrued") == two - PRINCIPAL


def test_interest_of_a_moratorium_without_any_is_not_earned(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-05-01", PAID, granted("none"))
    assert on(days, "2024-04-01")["interest_accrued"] == nights(PRINCIPAL, 9)
    # from the first of April on nights count again
    assert on(days, "2024-04-11")["interest_accrued"] == nights(PRINCIPAL, 9) + nights(
        PRINCIPAL, 10
    )


def test_the_loan_is_paid_off_as_projected_as_many_periods_later(policies: PolicyBook) -> None:
    cases = [
        (product, rule)
        for product in ("instalment-act365", "lendingclub-personal", "interest-only")
        for rule in ("none", "simple", "capitalised")
    ]
    story = Story(policies)
    for loan_id, (product, rule) in enumerate(cases, start=1):
        story = story.lent(terms(policies, product, loan_id=loan_id, n=5))
        story = story.paid(40_000, "2024-02-01", loan_id=loan_id)
        body = json.dumps({"instalments": 2, "interest": rule})
        order = _event(Kind.moratorium_granted, loan_id, "2024-02-10", None, "m", body)
        story = Story(policies, (*story.rows, order))
    done = story.live("2024-02-20").days[-1]
    foreseen = project(dated(done.book.wide(), done.date), done.book.dues, policies.calendars)
    # money in advance went along with its instalment
    ahead = done.book.dues.filter(pl.col("due_date") > done.date)
    sums = ahead.group_by("loan_id", "instalment_no").agg(pl.col("paid").sum())
    stood = {(loan, number): paid for loan, number, paid in sums.rows()}
    for loan_id, case in enumerate(cases, start=1):
        ours = foreseen.filter(loan_id=loan_id)
        assert ours["instalment_no"].to_list() == [2, 3, 4, 5], case
        assert ours["due_date"].to_list() == [dt.date(2024, m, 1) for m in (5, 6, 7, 8)], case
        for row in ours.to_dicts():
            before = stood.get((loan_id, row["instalment_no"]), 0)
            asked, day = row["principal"] + row["interest"] - before, row["due_date"].isoformat()
            story = story.paid(asked, day, loan_id=loan_id, ref=day) if asked > 0 else story
    lived = relived(story.events(), policies, dt.date(2024, 8, 1))
    assert lived is not None
    ends = lived.stay.last().sort("loan_id").to_dicts()
    assert len(ends) == len(cases)
    for end, case in zip(ends, cases, strict=True):
        assert end["status"] == Status.closed, case
        assert end["principal"] == end["interest_due"] == end["interest_accrued"] == 0, case


def test_a_settlement_gives_up_what_was_not_agreed(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-02-11", PAID,
                   (Kind.payment_received, "2024-02-10", 60_000),
                   (Kind.settlement_reached, "2024-02-10", {}))  # fmt: skip
    end = on(days, "2024-02-10")
    assert end["status"] == Status.settled
    assert end["principal"] == end["interest_accrued"] == end["interest_due"] == 0
    interest = nights(PRINCIPAL, 9)
    assert moved(days, "write_off_expense", "loan_principal") == PRINCIPAL + interest - 60_000


def test_money_after_a_settlement_is_the_borrowers_or_leaves_nothing_to_give_up(
    policies: PolicyBook,
) -> None:
    """Loans 1 and 2 were paid before they ended, which came to light after it; 3 is paid after it."""
    story, came = Story(policies), []
    for loan_id, kind in enumerate((Kind.settlement_reached, Kind.write_off), start=1):
        story = story.lent(terms(policies, "instalment-act365", loan_id=loan_id))
        came.append((0, _event(kind, loan_id, "2024-02-20", None, "s", None)))
        came.append((12, payment(150_000, "2024-02-10", loan_id=loan_id)))
    story = story.lent(terms(policies, "instalment-act365", loan_id=3))
    came.append((0, _event(Kind.settlement_reached, 3, "2024-02-10", None, "s", None)))
    came.append((0, payment(5_000, "2024-02-20", loan_id=3, ref="p")))
    days = [d for d, _ in same_as_in_time(told(story, *came), policies, dt.date(2024, 2, 25))]
    last = on(days, "2024-02-20", 3)
    assert (last["status"], last["credit"]) == (Status.overpaid, 5_000)
