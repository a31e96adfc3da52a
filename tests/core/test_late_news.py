"""Late news: a book that learns late ends as one that knew in time, to the minor unit."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from dataclasses import replace
from functools import partial

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import CLAIM_ROLES, Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.replay.backdating import Restatement
from tests.core import late_news
from tests.core.late_news import known_last, told
from tests.core.loans import (
    ACCOUNTED,
    Story,
    _event,
    charged_back,
    payment,
    terms,
    undone,
    with_accounting,
)

FIRST = dt.date(2024, 1, 1)
LAST = dt.date(2024, 4, 2)
Days = list[tuple[DayClose, Restatement | None]]
same_as_in_time = partial(late_news.same_as_in_time, as_stored=True)
PAID_LATE, TWICE, REVERSED, CLOSED, OVERPAID, CHARGED_BACK = range(11, 17)
BOARDED_LATE = {
    22: ("instalment-act365", "2024-01-04", "2024-02-04", 1),
    23: ("pay-in-four", "2024-01-05", "2024-02-05", 40),
    24: ("instalment-act365", "2023-12-20", "2024-01-20", 30),
    25: ("interest-only", "2024-01-10", "2024-02-10", 45),
}
"""In the tape of the next day, after three dues, before the book's first day; one is paid
meanwhile, another was paid off before it came, a third holds its schedule as rows."""


@pytest.fixture(scope="module")
def days(policies: PolicyBook) -> Days:
    """One ledger for the cases of this file, each by its loans; the law of late news over all."""

    def lent(
        story: Story, number: int, product: str = "instalment-act365", **rules: object
    ) -> Story:
        return story.lent(terms(policies, product, loan_id=number, **rules))  # type: ignore[arg-type]

    story = Story(policies)
    for number in range(1, 6):
        story = lent(story, number, n=6)
    story = lent(story, 6, "instalment-jpy", principal=100_000, n=6)
    story, news = _written_off(story)
    story = _owing_after_it(story, policies, news)
    for number in (PAID_LATE, REVERSED, CLOSED, CHARGED_BACK):
        story = lent(story, number)
    story = lent(story, OVERPAID, "lendingclub-personal", n=3)
    story = lent(story, TWICE, rate="18", n=3, every=1, unit=Unit.weeks, first_due="2024-01-08")
    story = story.paid(10_662, "2024-03-01", loan_id=PAID_LATE)
    story = story.paid(10_662, "2024-02-01", loan_id=REVERSED)
    key = story.rows[-1]["idempotency_key"]
    story = story.paid(130_000, "2024-01-20", ref="all", loan_id=CLOSED)
    story = story.paid(500, "2024-02-25", loan_id=CLOSED)
    story = story.paid(150_000, "2024-02-27", loan_id=OVERPAID)
    story = story.paid(150_000, "2024-01-18", loan_id=CHARGED_BACK)
    news += [
        (20, payment(10_662, "2024-02-01", loan_id=PAID_LATE)),
        (4, payment(40_400, "2024-01-08", loan_id=TWICE, ref="first")),
        (5, payment(40_284, "2024-01-15", loan_id=TWICE, ref="second")),
        (0, undone(key, "2024-02-10", loan_id=REVERSED)),
        (0, charged_back(150_000, "2024-03-09", loan_id=OVERPAID)),
        (0, charged_back(60_000, "2024-01-30", loan_id=CHARGED_BACK)),
        (0, payment(10_000, "2024-02-06", loan_id=22)),
        (30, payment(200_000, "2024-01-25", loan_id=25)),
    ]
    for number, (product, start, first_due, late) in BOARDED_LATE.items():
        boarded = lent(Story(policies), number, product, start=start, first_due=first_due)
        news += [(late, row) for row in boarded.rows]
    return same_as_in_time(told(story, *news), policies, LAST)


def _written_off(story: Story) -> tuple[Story, list[tuple[int, dict]]]:  # type: ignore[type-arg]
    """Loans 1 to 6 are given up on 1 March; money comes after it."""
    given_up = [_event(Kind.write_off, n, "2024-03-01", None, "w", None) for n in range(1, 7)]
    refund = _event(Kind.credit_refunded, 1, "2024-03-24", 265_98, "r", None)
    story = replace(story, rows=(*story.rows, *given_up, refund))
    for number in range(1, 6):
        story = story.paid(1_000_00, "2024-03-10", loan_id=number, ref="a")
    for number in (1, 3):
        story = story.paid(500_00, "2024-03-20", loan_id=number, ref="b")
    news = [
        (4, payment(500_00, "2024-03-14", loan_id=2)),
        (0, undone("payment_received/3/2024-03-10/a", "2024-03-24", loan_id=3)),
        (0, charged_back(300_00, "2024-03-23", loan_id=4)),
        (6, payment(207_04, "2024-02-01", loan_id=5, ref="slow")),
    ]
    return story.paid(5_000, "2024-03-10", loan_id=6), news


GIVEN_UP_LATE = {
    31: Kind.disbursed,
    32: Kind.fee_capitalised,
    33: Kind.charge_assessed,
    34: Kind.disbursed,
}
"""Given up on 1 March, known on the 20th, and what they were lent or charged on the 10th."""


def _owing_after_it(story: Story, policies: PolicyBook, news: list[tuple[int, dict]]) -> Story:  # type: ignore[type-arg]
    """`story` with `GIVEN_UP_LATE`, whose write-offs are added to the `news`; the last one paid more than all."""
    charge = json.dumps({"component": Component.fee.value, "due_date": "2024-03-12"})
    for number, kind in GIVEN_UP_LATE.items():
        story = story.lent(terms(policies, "instalment-act365", loan_id=number, n=6))
        body = charge if kind is Kind.charge_assessed else None
        after = _event(kind, number, "2024-03-10", 200_00, "after", body)
        story = replace(story, rows=(*story.rows, after))
        story = story.paid(100_00, "2024-03-15", loan_id=number)
        news.append((19, _event(Kind.write_off, number, "2024-03-01", None, "w", None)))
    return story.paid(1_300_00, "2024-03-05", loan_id=34, ref="all")


def on(days: Days, date: str) -> tuple[DayClose, Restatement | None]:
    return next(day for day in days if day[0].date == dt.date.fromisoformat(date))


def position(days: Days, date: str, loan: int) -> dict[str, int]:
    """A loan at the end of a day, as known then."""
    rows = on(days, date)[0].book.positions
    return rows.row(by_predicate=pl.col("loan_id") == loan, named=True)


def test_a_late_payment_is_as_if_it_had_come_in_time(days: Days) -> None:
    assert position(days, "2024-02-20", PAID_LATE)["days_past_due"] == 19
    assert position(days, "2024-02-21", PAID_LATE)["days_past_due"] == 0


def test_a_loan_restated_twice_books_the_same_differences_from_whatever_day(days: Days) -> None:
    """The second news begins after the day to which the first one's nights were booked: a rebuild,
    which lives the loan from its first day, took those back and booked them again."""
    moved = on(days, "2024-01-20")[0].transfers.filter(pl.col("loan_id") == TWICE)
    # of 402.84 the interest of seven nights, 800.14 * 18 % * 7 / 365 = 2.76, and principal; four nights
    # since, of the 15th to the 18th, bore interest on it: 400.08 * 18 % * 4 / 365 = 0.79
    assert sorted(moved["amount"]) == [79, 276, 40_008]


def test_a_reversed_payment_never_came_and_its_undoing_is_booked_today(days: Days) -> None:
    _, restated = on(days, "2024-02-10")
    assert restated is not None
    assert restated.loans.to_list() == [REVERSED]
    assert restated.transfers["booking_date"].unique().to_list() == [dt.date(2024, 2, 10)]
    assert position(days, "2024-02-10", REVERSED)["days_past_due"] == 9


def test_money_for_a_closed_loan_brings_it_back(days: Days) -> None:
    assert position(days, "2024-02-25", CLOSED)["status"] == Status.overpaid
    assert position(days, "2024-02-27", CLOSED)["status"] == Status.overpaid


def test_money_after_a_write_off_recovers_it_and_the_rest_is_the_borrowers(days: Days) -> None:
    # 1,200.00 unpaid to 1 March: 60 nights at 12 % are 23.67, the late fee of 5 % of 207.04 is 10.35
    known = {loan: row for (_, loan), row in sorted(known_last(days).items())}
    names = days[-1][0].book.positions.columns
    shown = {n: dict(zip(names, row, strict=True)) for n, row in known.items()}
    figures = {n: (row["recoverable"], row["credit"]) for n, row in shown.items()}
    assert figures[1] == (0, 0)  # 1,234.02 recovered, 265.98 was owed to the borrower and paid back
    assert figures[2] == (0, 265_98)
    assert figures[3] == (734_02, 0)  # 1,234.02 less 500.00: the 1,000.00 never came
    assert figures[4] == (534_02, 0)  # 234.02 left, and 300.00 was given up anew
    assert shown[1]["status"] == shown[4]["status"] == Status.written_off
    assert shown[2]["status"] == Status.overpaid
    # 207.04 in time: no late fee, and principal 194.81, whose 29 nights bore 1.86 less
    assert figures[5] == (1_234_02 - 10_35 - 207_04 - 1_86 - 1_000_00, 0)
    booked = pl.concat([closed.transfers for closed, _ in days])
    of_yen = booked.filter((pl.col("loan_id") == 6) & (pl.col("credit") == ROLE["recovery_income"]))
    yen = pl.concat([closed.boarded for closed, _ in days]).filter(pl.col("loan_id") == 6)
    place = yen.select("entity", "product", "currency").row(0)
    assert of_yen.select("entity", "product", "currency", "amount").rows() == [(*place, 5_000)]
    astray = (pl.col("credit") == ROLE["unidentified_receipts"]) & pl.col("loan_id").is_between(
        1, 6
    )
    assert booked.filter(astray).is_empty()


def test_an_overpaid_loan_that_is_charged_back_goes_on_with_its_schedule(days: Days) -> None:
    last = position(days, "2024-04-02", OVERPAID)
    assert last["principal_due"] == last["principal"] > 100_000


def test_principal_charged_back_bears_no_interest_before_the_day(days: Days) -> None:
    owed = position(days, "2024-01-30", CHARGED_BACK)["principal"]
    earned = [position(days, f"2024-01-{n}", CHARGED_BACK)["interest_earned"] for n in (29, 31)]
    # the night after the chargeback alone, of what it made principal again
    assert owed > 20_000
    assert earned[1] - earned[0] == round(owed * 0.12 / 365)


def test_loans_that_are_boarded_late_live_as_if_they_had_come_in_time(days: Days) -> None:
    came = {
        closed.date.isoformat(): restated
        for closed, restated in days
        if restated and restated.loans.is_in(list(BOARDED_LATE)).any()
    }
    assert sorted(came) == ["2024-01-05", "2024-01-19", "2024-02-14", "2024-02-24"]


def test_what_is_lent_or_charged_after_a_write_off_is_given_up_too(days: Days) -> None:
    known = {loan: row for (_, loan), row in sorted(known_last(days).items())}
    names = days[-1][0].book.positions.columns
    for number, kind in GIVEN_UP_LATE.items():
        shown = dict(zip(names, known[number], strict=True))
        # 1,234.02 on 1 March, 200.00 on the 10th, less 100.00 of the 15th; of the last one all was
        # recovered on the 5th, and 65.98 is its borrower's
        figures = (100_00, 65_98) if number == 34 else (1_334_02, 0)
        assert (shown["recoverable"], shown["credit"]) == figures, kind.name
        assert {shown[name] for name in CLAIM_ROLES} == {0}, kind.name
    booked = pl.concat([closed.transfers for closed, _ in days]).filter(
        pl.col("loan_id").is_in([*GIVEN_UP_LATE]) & (pl.col("value_date") == dt.date(2024, 3, 10))
    )
    lost = booked.filter(pl.col("debit") == ROLE["write_off_expense"])
    assert lost["amount"].to_list() == [200_00] * 4
    # a fee that nobody got is no income, and so no loss: what it deferred goes against it
    back = booked.filter(pl.col("credit") == ROLE["write_off_expense"])
    assert back.select("loan_id", "amount").rows() == [(32, 200_00)]


KINDS = [Kind.payment_received] * 7 + [Kind.goodwill_credit, Kind.chargeback, Kind.charge_off]
MORE = [Kind.interest_waived, Kind.fee_capitalised, Kind.capitalised_fee_adjusted,
        Kind.rate_bought_down, Kind.flag_set]  # fmt: skip
NEWS_DAYS = 8
"""News is told every eighth day: a restatement costs the same for one loan as for ten."""


def test_life_with_late_news_equals_a_life_that_knew(policies: PolicyBook) -> None:
    """Twelve loans of two products and two of each way of booking, of one ledger; what happens to
    each, when it becomes known and what is reversed is drawn (`SEED=1` in the environment)."""
    rng, books = random.Random(int(os.environ.get("SEED", "1"))), with_accounting(policies)
    plain = ["instalment-act365", "lendingclub-personal"] * 6
    story, late = Story(books), []

    def told_on(day: int) -> int:
        return day + -day % NEWS_DAYS

    for loan, product in enumerate([*plain, *sorted(ACCOUNTED) * 2], start=1):
        story = story.lent(terms(books, product, loan_id=loan, n=3))
        kinds = KINDS if product in plain else KINDS + MORE
        for n in range(rng.randrange(5)):
            kind, on = rng.choice(kinds), rng.randint(1, 70)
            known = told_on(on + rng.choice((0, 0, rng.randint(1, 30))))
            flagged, whole = kind is Kind.flag_set, kind in (Kind.flag_set, Kind.charge_off)
            row = _event(kind, loan, (FIRST + dt.timedelta(days=on)).isoformat(),
                         None if whole else rng.randint(1, 60_000), f"{n}",
                         '{"flag": "fraud"}' if flagged else None)  # fmt: skip
            late.append((known - on, row))
            if rng.random() < 0.4:
                back = FIRST + dt.timedelta(days=told_on(known + rng.randint(0, 30)))
                key = row["idempotency_key"]
                late.append((0, undone(key, back.isoformat(), loan_id=loan, ref=f"r{n}")))
    days = same_as_in_time(told(story, *late), books, FIRST + dt.timedelta(days=100))
    assert sum(restated is not None for _, restated in days) > 6
