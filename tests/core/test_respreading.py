"""Arrears spread anew, schedules fixed, interest paused: every law on every day, late or in time."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.dues import OWN_DATE
from loanbook.core.servicing.replay.payoff_quote import quote
from loanbook.core.servicing.schedule.projection import project
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import days_of, on
from tests.core.loans import Story, _event, payment, product_of, ruled, terms, with_more

REAGE = {"instalments": 2, "due_date": "2024-03-01", "every": 1, "unit": 0, "interest": None}


def late(policies: PolicyBook, product: str, *changes: tuple[Kind, dict]) -> None:  # type: ignore[type-arg]
    """Each change, learned ten days late by a loan of its own, with a payment since, ends as one
    known in time."""
    story, learned = Story(policies), []
    for loan_id, (kind, body) in enumerate(changes, start=1):
        story = story.lent(terms(policies, product, loan_id=loan_id, n=4))
        story = story.paid(9_000, "2024-02-20", loan_id=loan_id, ref=f"p{loan_id}")
        learned.append(_event(kind, loan_id, "2024-02-12", None, "x", json.dumps(body)))
    events = told(story, *((10, change) for change in learned))
    same_as_in_time(events, policies, dt.date(2024, 3, 3))


def test_reamortising_takes_arrears_off_the_dues_and_spreads_them(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-02-16",
                   (Kind.reamortised, "2024-02-15", {}), n=3)  # fmt: skip
    before, after = on(days, "2024-02-14"), on(days, "2024-02-15")
    assert before["days_past_due"] == 13
    assert (after["days_past_due"], after["principal_due"], after["interest_due"]) == (0, 0, 0)
    assert after["principal"] == before["principal"] == 120_000
    # two instalments are left: the level one pays off all principal and the interest that waits
    assert after["emi"] > before["emi"] * 1.45
    moved = days[-2].transfers.filter(pl.col("debit") == ROLE["interest_accrued"])
    assert (moved["event_id"] > 0).sum() == 1  # the order is told with what it moved
    assert after["interest_accrued"] == before["interest_accrued"] + before["interest_due"] + 39


@pytest.mark.parametrize("interest", [None, "payable", "full"])
def test_a_reage_leaves_nothing_past_due_and_ends_at_zero_if_paid(
    policies: PolicyBook, interest: str | None
) -> None:
    days = days_of(policies, "instalment-act365", "2024-04-01",
                   (Kind.reaged, "2024-02-15", REAGE | {"interest": interest}),
                   (Kind.payment_received, "2024-04-01", 140_000))  # fmt: skip
    then, first, paid = on(days, "2024-02-15"), on(days, "2024-03-01"), on(days, "2024-04-01")
    assert (then["days_past_due"], then["principal_due"]) == (0, 0)
    assert first["principal_due"] > 0
    assert then["instalments"] == 2 + 2  # one billed, one ended that day, two new
    assert (paid["principal"], paid["status"]) == (0, Status.overpaid)
    # the instalment that ended is rounded as any other: no fraction of a cent goes on
    assert (then["accrued_units"], then["accrued_remainder"]) == (then["interest_accrued"], 0)
    # 45 nights of 1,200.00 at 12 % by the day; none after it where what is payable was fixed
    assert then["interest_earned"] == 1775
    assert (paid["interest_earned"] == 1775) == (interest == "payable")


def test_a_change_learned_late_is_as_if_it_had_been_known(policies: PolicyBook) -> None:
    late(
        policies,
        "instalment-act365",
        (Kind.reamortised, {}),
        (Kind.contract_accelerated, {}),
        (Kind.reaged, REAGE),
        (Kind.reaged, REAGE | {"interest": "payable"}),
        (Kind.reaged, REAGE | {"interest": "full"}),
        (Kind.interest_paused, {"start": "2024-02-15", "end": "2024-02-26"}),
        *((Kind.moratorium_granted, {"instalments": 2, "interest": rule})
          for rule in ("none", "simple", "capitalised")),
    )  # fmt: skip


def test_a_pause_leaves_out_its_nights_and_no_other(policies: PolicyBook) -> None:
    pause = (Kind.interest_paused, "2024-01-05", {"start": "2024-01-11", "end": "2024-01-20"})
    days = days_of(policies, "instalment-act365", "2024-02-01", pause)
    # nights of 1,200.00 at 12 %: 9 before the 10th, none until the 20th
    assert on(days, "2024-01-10")["interest_accrued"] == 355
    assert on(days, "2024-01-20")["interest_accrued"] == 355
    assert on(days, "2024-02-01")["interest_due"] == round(1200 * 0.12 * 21 / 365 * 100)


def test_pauses_that_are_agreed_at_once_are_lived_one_after_the_other(policies: PolicyBook) -> None:
    """1,200.00 at 12 % in 3, agreed on one day: 5 nights of January, then 3 and 10 of February; the order of
    the events is not that of the pauses."""
    spans = [
        ("2024-02-20", "2024-02-29"),
        ("2024-01-11", "2024-01-15"),
        ("2024-02-05", "2024-02-07"),
    ]
    pauses = [(Kind.interest_paused, "2024-01-05", {"start": a, "end": b}) for a, b in spans]
    days = days_of(policies, "instalment-act365", "2024-03-02", *pauses, n=3)
    assert on(days, "2024-02-01")["interest_due"] == round(120_000 * 0.12 * 26 / 365)
    # of what is owed since the first instalment was billed: 29 nights less 13
    assert on(days, "2024-03-01")["interest_earned"] == on(days, "2024-02-01")[
        "interest_earned"
    ] + round(120_000 * 0.12 * 16 / 365)
    assert on(days, "2024-02-04")["interest_accrued"] == on(days, "2024-02-07")["interest_accrued"]
    assert on(days, "2024-02-19")["interest_accrued"] == on(days, "2024-02-29")["interest_accrued"]
    # foreseen on the 6th: what is left after the first instalment bears 16 nights of February
    done = next(d for d in days if d.date == dt.date(2024, 1, 6))
    plan = project(dated(done.book.wide(), done.date), done.book.dues, policies.calendars)
    assert plan["interest"][0] == round(120_000 * 0.12 * 26 / 365)
    assert plan["interest"][1] == round((120_000 - plan["principal"][0]) * 0.12 * 16 / 365)
    lived = days[-1].book.terms
    assert lived["pauses_to_come"].to_list() == [None]
    story = Story(policies).lent(terms(policies, "instalment-act365", n=3))
    learned = [_event(k, 1, "2024-01-05", None, f"{n}", json.dumps(body))
               for n, (k, _, body) in enumerate(pauses)]  # fmt: skip
    same_as_in_time(told(story, *((20, each) for each in learned)), policies, dt.date(2024, 3, 2))


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
    days = days_of(policies, "instalment-act365", "2024-02-16",
                   (Kind.disbursed, "2024-02-15", 60_000))  # fmt: skip
    before, after = on(days, "2024-02-14"), on(days, "2024-02-15")
    assert after["principal"] == before["principal"] + 60_000
    # eleven instalments more of the tranche, at about the same price a unit
    assert after["emi"] - before["emi"] == pytest.approx(60_000 / 11 * 1.06, rel=0.01)
    assert isinstance(days[-1].changed, pl.DataFrame)


def test_a_fixed_schedule_can_be_spread_again_in_full(policies: PolicyBook) -> None:
    again = REAGE | {"interest": "full", "due_date": "2024-03-20"}
    days = days_of(policies, "instalment-act365", "2024-04-20",
                   (Kind.reaged, "2024-02-15", REAGE | {"interest": "full"}),
                   (Kind.reaged, "2024-03-10", again))  # fmt: skip
    before, after = on(days, "2024-03-09"), on(days, "2024-04-20")
    assert before["days_past_due"] == 8
    # all principal, and all interest that the first re-age had fixed, is due by the last one
    assert after["principal_due"] == 120_000
    assert after["interest_due"] == after["interest_earned"]


def test_arrears_of_a_loan_without_interest_are_shared_evenly(policies: PolicyBook) -> None:
    days = days_of(policies, "pay-in-four", "2024-02-16",
                   (Kind.payment_received, "2024-01-01", 30_000),
                   (Kind.reamortised, "2024-02-15", {}), n=3)  # fmt: skip
    coming = days[-1].book.dues.filter(
        (pl.col("due_date") > dt.date(2024, 2, 16)) & (pl.col("component") == Component.principal)
    )
    assert on(days, "2024-02-14")["days_past_due"] == 13
    assert on(days, "2024-02-15")["days_past_due"] == 0
    assert coming["amount"].to_list() == [30_000 + 15_000] * 2  # the first one's, by two


def test_a_charge_after_maturity_is_no_part_of_a_new_instalment(policies: PolicyBook) -> None:
    penalty = {"component": Component.penalty.value, "due_date": "2024-05-10"}
    story = Story(policies).lent(terms(policies, "pay-in-four", n=3, rate="0"))
    rows = (
        _event(Kind.charge_assessed, 1, "2024-05-10", 2_000, "c", json.dumps(penalty)),
        _event(Kind.reaged, 1, "2024-05-12", None, "x",
               json.dumps(REAGE | {"due_date": "2024-06-01"})),
    )  # fmt: skip
    dues = Story(policies, (*story.rows, *rows)).live("2024-06-01").dues("2024-06-01")
    charged = dues.filter((pl.col("component") == Component.penalty) & (pl.col("amount") == 2_000))
    billed = dues.filter(pl.col("due_date") == dt.date(2024, 6, 1))
    assert charged["due_date"].to_list() == [dt.date(2024, 5, 10)]
    assert billed["instalment_no"].to_list() == [4]
    assert charged["instalment_no"].item() > OWN_DATE


def split(policies: PolicyBook) -> Story:
    """1,200.00 at 12 % over 12 months; of the instalments of March and April nothing is paid."""
    story = (
        Story(policies).lent(terms(policies, "instalment-act365", n=12)).paid(10_662, "2024-02-01")
    )
    order = _event(Kind.reamortised, 1, "2024-04-15", None, "split", SPLIT)
    return Story(policies, (*story.rows, order))


SPLIT = '{"keep": "term", "interest": "split"}'


def test_interest_of_arrears_comes_in_equal_parts_on_top_of_the_level_instalment(
    policies: PolicyBook,
) -> None:
    life = split(policies).live("2025-01-02")
    before, after = life.on("2024-04-14"), life.on("2024-04-15")
    arrears, part = before["interest_due"], round(before["interest_due"] / 9)
    assert (after["principal_due"], after["interest_due"], after["days_past_due"]) == (0, 0, 0)
    assert after["principal"] == before["principal"]
    waits = life.dues("2024-04-15").filter(pl.col("component") == Component.interest)
    assert waits.filter(pl.col("due_date") > dt.date(2024, 4, 15))["amount"].to_list() == [part] * 9
    # rounding a part is all that is earned, or given up, on the day
    assert (
        after["interest_accrued"] - before["interest_accrued"] - after["accrued_today"] == arrears
    )
    asked = [
        (life.on(day)["principal_due"] + life.on(day)["interest_due"])
        - (life.on(eve)["principal_due"] + life.on(eve)["interest_due"])
        for eve, day in (("2024-04-30", "2024-05-01"), ("2024-05-31", "2024-06-01"))
    ]
    level = life.days[-1].book.terms["emi"].item()
    assert asked == [level + part] * 2
    last = life.on("2025-01-01")
    assert last["principal_due"] == last["principal"]
    assert last["interest_accrued"] == 0


def test_a_loan_with_interest_in_parts_is_paid_off_as_quoted_and_ahead(
    policies: PolicyBook,
) -> None:
    story = split(policies)
    book = story.live("2024-04-20").days[-1].book
    owed = quote(book, policies, dt.date(2024, 4, 25))
    paid = story.paid(owed["payoff"].item(), "2024-04-25", ref="off").live("2024-05-02")
    assert paid.on("2024-04-25")["status"] == Status.closed
    ahead = story.paid(40_000, "2024-04-25", ref="ahead").live("2024-09-02")
    # the money met instalments to come in full, with the part of the interest that each asks
    dues = ahead.dues("2024-04-25").filter(pl.col("due_date") > dt.date(2024, 4, 25))
    interest = dues.filter(pl.col("component") == Component.interest)
    assert (interest["paid"] <= interest["amount"]).all()
    assert ahead.on("2024-06-30")["days_past_due"] == 0
    assert ahead.on("2024-09-01")["days_past_due"] == 62  # the third was met in part


def test_interest_in_parts_is_the_same_whenever_its_news_came(policies: PolicyBook) -> None:
    story = split(policies)
    late = payment(12_000, "2024-03-20")
    more = payment(30_000, "2024-05-10", ref="ahead")
    same_as_in_time(told(story, (40, late), (5, more)), policies, dt.date(2024, 6, 3))


@pytest.mark.parametrize("interest", ["payable", "full"])
def test_money_ahead_stays_with_its_instalment_when_the_schedule_is_made_anew(
    policies: PolicyBook, interest: str
) -> None:
    """1,000.00 at 0.1 % a day, re-aged to six instalments, 500.00 paid ahead: the first two whole and the
    third in part. Each order makes the schedule anew; no due asks less than was paid of it."""
    orders = {
        1: (Kind.reamortised, {}),
        2: (Kind.rate_changed, {"rate_ppb": 2_000_000, "keep": "term"}),
        3: (Kind.term_extended, {"instalments": 2, "keep": "term"}),
        4: (Kind.due_date_moved, {"due_date": "2018-01-17"}),
    }
    fixes = json.dumps({"instalments": 6, "due_date": "2018-01-15", "interest": interest})
    story, rows = Story(policies), []
    for loan_id, (kind, body) in orders.items():
        loan = terms(policies, "daily-rate", loan_id=loan_id, principal=100_000, rate="0.1", n=4,
                     unit=Unit.weeks, start="2018-01-01", first_due="2018-01-08")  # fmt: skip
        story = story.lent(loan).paid(50_000, "2018-01-10", loan_id=loan_id)
        rows.append(_event(Kind.reaged, loan_id, "2018-01-09", None, "a", fixes))
        rows.append(_event(kind, loan_id, "2018-01-11", None, "b", json.dumps(body)))
    life = Story(policies, (*story.rows, *rows)).live("2018-02-20")
    principal = pl.col("component") == Component.principal
    paid = life.dues("2018-01-10").filter(principal & (pl.col("paid") > 0))
    kept = life.dues("2018-01-11").filter(principal & (pl.col("paid") > 0))
    assert kept["paid"].to_list() == paid["paid"].to_list()
    assert (kept["amount"] >= kept["paid"]).all()
    for loan_id in orders:
        dues = life.dues("2018-01-11").filter(principal & (pl.col("loan_id") == loan_id))
        assert (dues["amount"] - dues["paid"]).sum() == life.on("2018-01-11", loan_id)["principal"]


def test_one_night_passes_between_an_order_and_money_on_the_next_day(policies: PolicyBook) -> None:
    """Lived by a jump, the night of the order was earned again: the day's interest was 1, not 10."""
    fixed = REAGE | {"instalments": 5, "due_date": "2024-04-20", "interest": "payable"}
    orders = [
        _event(Kind.reaged, 1, "2024-03-20", None, "x", json.dumps(fixed)),
        _event(Kind.rate_changed, 1, "2024-04-01", None, "r", '{"rate_ppb": 50000000, "keep": "term"}'),
    ]  # fmt: skip
    story = Story(policies).lent(terms(policies, "instalment-act365", n=6))
    for day in ("2024-02-02", "2024-03-02", "2024-04-02"):
        story = story.paid(15_000, day, ref=day)
    events = Story(policies, (*story.rows, *orders)).events()
    same_as_in_time(events, policies, dt.date(2024, 4, 4))


def test_what_is_lent_after_the_last_instalment_is_asked_on_the_next_date_to_come(
    policies: PolicyBook,
) -> None:
    """It was asked on a date that had passed, with interest that no night had earned: the next day that
    read the loan broke a law. The dates passed are no instalments; the period that ends on the new one
    bears the nights since the payout, and none where a re-age fixed the interest."""
    whole = ruled(policies, "instalment-act365", "schedule", materialised=True)
    whole = ruled(whole, "instalment-act365", "interest", accrual="scheduled")
    made = product_of(whole, "instalment-act365").model_copy(update={"name": "whole"})
    book = with_more(policies, ("products", made))
    once = {"instalments": 1, "due_date": "2024-02-12"}
    story, rows = Story(book), []
    for loan_id, interest in ((1, "payable"), (2, "full")):
        story = story.lent(terms(book, "instalment-act365", loan_id=loan_id))
        body = json.dumps(once | {"interest": interest})
        rows.append(_event(Kind.reaged, loan_id, "2024-02-11", None, "a", body))
        rows.append(_event(Kind.fee_capitalised, loan_id, "2024-04-16", 72_000, "f", None))
    for loan_id, day in ((3, "2024-03-10"), (4, "2024-04-16")):
        story = story.lent(terms(book, "whole", loan_id=loan_id, n=2))
        rows.append(_event(Kind.disbursed, loan_id, day, 72_000, "t", None))
    events = told(Story(book, (*story.rows, *rows[:-1])), (3, rows[-1]))
    last = same_as_in_time(events, book, dt.date(2024, 5, 13))[-1][0].book
    asked = last.dues.filter(
        pl.col("instalment_no") == pl.col("instalment_no").max().over("loan_id")
    )
    asked = asked.filter(pl.col("component") <= Component.interest)
    assert asked.select("loan_id", "due_date", "amount").rows() == [
        (1, dt.date(2024, 5, 12), 72_000),
        (2, dt.date(2024, 5, 12), 72_000),
        (3, dt.date(2024, 4, 1), 72_000),
        (3, dt.date(2024, 4, 1), 521),  # 720.00 x 12 % x 22 nights / 365
        (4, dt.date(2024, 5, 1), 72_000),
        (4, dt.date(2024, 5, 1), 355),  # 15 nights
    ]
