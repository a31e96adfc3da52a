"""Arrears spread anew, schedules fixed, interest paused: every law on every day, late or in time."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from core.ledger.codes import Kind, Status
from core.policy.book import PolicyBook
from tests.core.loans import Story, _event, terms
from tests.core.test_changes import days_of, on
from tests.core.test_late_news import same_as_in_time, told

REAGE = {"instalments": 6, "due_date": "2024-04-01", "every": 1, "unit": 0, "interest": None}


def late(
    policies: PolicyBook, product: str, kind: Kind, day: str, body: dict, through: str
) -> None:  # type: ignore[type-arg]
    """The change learned ten days late, between two payments, ends as one known in time."""
    story = Story(policies).lent(terms(policies, product)).paid(10_662, "2024-02-01")
    change = _event(kind, 1, day, None, "x", json.dumps(body))
    events = told(story.paid(9_000, "2024-04-20"), (10, change))
    same_as_in_time(events, policies, dt.date.fromisoformat(through))


def test_reamortising_takes_arrears_off_the_dues_and_spreads_them(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-03-16",
                   (Kind.reamortised, "2024-03-15", {}), n=4)  # fmt: skip
    before, after = on(days, "2024-03-14"), on(days, "2024-03-15")
    assert before["days_past_due"] == 42
    assert (after["days_past_due"], after["principal_due"], after["interest_due"]) == (0, 0, 0)
    assert after["principal"] == before["principal"] == 120_000
    # two instalments are left: the level one pays off all principal and the interest that waits
    assert after["emi"] > before["emi"] * 1.9
    assert after["interest_accrued"] == before["interest_accrued"] + before["interest_due"] + 39


@pytest.mark.parametrize("interest", [None, "payable", "full"])
def test_a_reage_leaves_nothing_past_due_and_ends_at_zero_if_paid(
    policies: PolicyBook, interest: str | None
) -> None:
    body = REAGE | {"interest": interest}
    days = days_of(policies, "instalment-act365", "2024-04-01", (Kind.reaged, "2024-03-15", body))
    then, first = on(days, "2024-03-15"), on(days, "2024-04-01")
    assert (then["days_past_due"], then["principal_due"]) == (0, 0)
    assert first["principal_due"] > 0
    assert then["instalments"] == 3 + 6  # two billed, one ended that day, six new
    again = days_of(policies, "instalment-act365", "2024-09-02",
                    (Kind.reaged, "2024-03-15", body),
                    (Kind.payment_received, "2024-09-01", 140_000))  # fmt: skip
    paid = on(again, "2024-09-01")
    assert paid["principal"] == 0
    assert paid["status"] == Status.overpaid


def test_interest_of_a_reage_is_fixed_where_it_says_so(policies: PolicyBook) -> None:
    payable = days_of(policies, "instalment-act365", "2024-08-31",
                      (Kind.reaged, "2024-03-15", REAGE | {"interest": "payable"}))  # fmt: skip
    # 74 nights of 1,200.00 at 12 %, billed as 4.86 and 4.85; no night after it bears interest
    assert on(payable, "2024-03-15")["interest_earned"] == 2919
    assert on(payable, "2024-08-31")["interest_earned"] == 2919


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.reamortised, {}),
        (Kind.reaged, REAGE),
        (Kind.reaged, REAGE | {"interest": "payable"}),
        (Kind.reaged, REAGE | {"interest": "full"}),
        (Kind.interest_paused, {"start": "2024-03-20", "end": "2024-04-10"}),
    ],
)
def test_a_change_learned_late_is_as_if_it_had_been_known(
    policies: PolicyBook, kind: Kind, body: dict
) -> None:  # type: ignore[type-arg]
    late(policies, "instalment-act365", kind, "2024-03-15", body, "2024-05-03")


def test_a_pause_leaves_out_its_nights_and_no_other(policies: PolicyBook) -> None:
    pause = (Kind.interest_paused, "2024-01-05", {"start": "2024-01-11", "end": "2024-01-20"})
    days = days_of(policies, "instalment-act365", "2024-02-01", pause)
    # nights of 1,200.00 at 12 %: 9 before the 10th, none until the 20th
    assert on(days, "2024-01-10")["interest_accrued"] == 355
    assert on(days, "2024-01-20")["interest_accrued"] == 355
    assert on(days, "2024-02-01")["interest_due"] == round(1200 * 0.12 * 21 / 365 * 100)


def test_a_payment_within_a_pause_changes_no_night(policies: PolicyBook) -> None:
    pause = (Kind.interest_paused, "2024-01-05", {"start": "2024-01-11", "end": "2024-01-20"})
    paid = (Kind.payment_received, "2024-01-15", 30_000)
    days = days_of(policies, "interest-only", "2024-02-01", pause, paid)
    # 9 nights of 1,200.00, then 12 of what the payment left
    left = on(days, "2024-01-15")["principal"]
    earned = (120_000 * 9 + left * 12) * 0.12 / 365
    assert on(days, "2024-02-01")["interest_earned"] == round(earned)


def test_a_tranche_of_a_daily_loan_is_spread_over_the_instalments_left(
    policies: PolicyBook,
) -> None:
    days = days_of(policies, "instalment-act365", "2024-03-20",
                   (Kind.disbursed, "2024-02-15", 60_000))  # fmt: skip
    before, after = on(days, "2024-02-14"), on(days, "2024-02-15")
    assert after["principal"] == before["principal"] + 60_000
    # eleven instalments more of the tranche, at about the same price a unit
    assert after["emi"] - before["emi"] == pytest.approx(60_000 / 11 * 1.06, rel=0.01)
    assert isinstance(days[-1].changed, pl.DataFrame)


def test_a_fixed_schedule_can_be_spread_again_in_full(policies: PolicyBook) -> None:
    again = REAGE | {"interest": "full", "due_date": "2024-05-20", "instalments": 3}
    days = days_of(policies, "instalment-act365", "2024-07-20",
                   (Kind.reaged, "2024-03-15", REAGE | {"interest": "full"}),
                   (Kind.reaged, "2024-05-10", again))  # fmt: skip
    before, after = on(days, "2024-05-09"), on(days, "2024-07-20")
    assert before["days_past_due"] == 38
    # all principal, and all interest that the first re-age had fixed, is due by the last of three
    assert after["principal_due"] == 120_000
    assert after["interest_due"] == after["interest_earned"]
