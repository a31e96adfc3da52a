"""Late news: a book that learns late ends as one that knew in time, to the minor unit."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.replay.backdating import Restatement
from tests.core import late_news
from tests.core.late_news import known_last, lived, told
from tests.core.loans import Story, _event, charged_back, payment, terms, undone

FIRST = dt.date(2024, 1, 1)
same_as_in_time = partial(late_news.same_as_in_time, as_stored=True)


def to(
    days: list[tuple[DayClose, Restatement | None]], last: str
) -> list[tuple[DayClose, Restatement | None]]:
    """The days of a life to one of them."""
    return [day for day in days if day[0].date <= dt.date.fromisoformat(last)]


def test_a_late_payment_is_as_if_it_had_come_in_time(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    late = payment(10_662, "2024-02-01")
    events = told(story.paid(10_662, "2024-03-01"), (20, late))
    days = to(same_as_in_time(events, policies, dt.date(2024, 3, 10)), "2024-02-21")
    before, after = days[-2][0].book.positions, days[-1][0].book.positions
    assert before["days_past_due"].to_list() == [19]
    assert after["days_past_due"].to_list() == [0]


def test_a_loan_restated_twice_books_the_same_differences_from_whatever_day(
    policies: PolicyBook,
) -> None:
    """The second news begins after the day to which the first one's nights were booked: a rebuild,
    which lives the loan from its first day, took those back and booked them again."""
    loan = terms(policies, "instalment-act365", rate="18", n=3, every=1, unit=Unit.weeks,
                 first_due="2024-01-08")  # fmt: skip
    events = told(
        Story(policies).lent(loan),
        (4, payment(40_400, "2024-01-08", ref="first")),
        (5, payment(40_284, "2024-01-15", ref="second")),
    )
    late = same_as_in_time(events, policies, dt.date(2024, 1, 20))
    moved = late[-1][0].transfers.filter(pl.col("loan_id") > 0)
    # of 402.84 the interest of seven nights, 800.14 * 18 % * 7 / 365 = 2.76, and principal; four nights
    # since, of the 15th to the 18th, bore interest on it: 400.08 * 18 % * 4 / 365 = 0.79
    assert sorted(moved["amount"]) == [79, 276, 40_008]


def test_a_reversed_payment_never_came_and_its_undoing_is_booked_today(
    policies: PolicyBook,
) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).paid(10_662, "2024-02-01")
    key = story.rows[-1]["idempotency_key"]
    back = undone(key, "2024-02-10")
    events = told(story, (0, back))
    closed, restated = to(same_as_in_time(events, policies, dt.date(2024, 2, 20)), "2024-02-10")[-1]
    assert restated is not None
    assert restated.transfers["booking_date"].unique().to_list() == [dt.date(2024, 2, 10)]
    assert closed.book.positions["days_past_due"].to_list() == [9]


def test_money_for_a_closed_loan_brings_it_back(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    events = told(story.paid(130_000, "2024-01-20", ref="all").paid(500, "2024-02-25"))
    days = same_as_in_time(events, policies, dt.date(2024, 2, 27))
    assert days[-1][0].book.positions["status"].to_list() == [Status.overpaid]


def test_money_after_a_write_off_recovers_it_and_the_rest_is_the_borrowers(
    policies: PolicyBook,
) -> None:
    # 1,200.00 unpaid to 1 May: 121 nights at 12 % are 47.74, three late fees of 5 % of 207.04 31.05
    story = Story(policies)
    for number in range(1, 6):
        loan = terms(policies, "instalment-act365", loan_id=number, n=6)
        story = story.lent(loan)
    yen = terms(policies, "instalment-jpy", loan_id=6, principal=100_000, n=6)
    story = story.lent(yen)
    given_up = [_event(Kind.write_off, n, "2024-05-01", None, "w", None) for n in range(1, 7)]
    refund = _event(Kind.credit_refunded, 1, "2024-05-24", 221_21, "r", None)
    story = replace(story, rows=(*story.rows, *given_up, refund))
    for number in range(1, 6):
        story = story.paid(1_000_00, "2024-05-10", loan_id=number, ref="a")
    for number in (1, 3):
        story = story.paid(500_00, "2024-05-20", loan_id=number, ref="b")
    story = story.paid(5_000, "2024-05-10", loan_id=6)
    news = [
        (4, payment(500_00, "2024-05-14", loan_id=2)),
        (0, undone("payment_received/3/2024-05-10/a", "2024-05-24", loan_id=3)),
        (0, charged_back(300_00, "2024-05-23", loan_id=4)),
        (6, payment(207_04, "2024-04-01", loan_id=5, ref="slow")),
    ]
    days = same_as_in_time(told(story, *news), policies, dt.date(2024, 5, 25))
    known = {loan: row for (_, loan), row in sorted(known_last(days).items())}
    names = days[-1][0].book.positions.columns
    shown = {n: dict(zip(names, row, strict=True)) for n, row in known.items()}
    figures = {n: (row["recoverable"], row["credit"]) for n, row in shown.items()}
    assert figures[1] == (0, 0)  # 1,278.79 recovered, 221.21 was owed to the borrower and paid back
    assert figures[2] == (0, 221_21)
    assert figures[3] == (778_79, 0)  # 1,278.79 less 500.00: the 1,000.00 never came
    assert figures[4] == (578_79, 0)  # 278.79 left, and 300.00 was given up anew
    assert shown[1]["status"] == shown[4]["status"] == Status.written_off
    assert shown[2]["status"] == Status.overpaid
    # 207.04 in time: late fee 10.35, interest 12.20, principal 184.49, whose 30 nights bore 1.82 less
    assert figures[5] == (1_278_79 - 207_04 - 1_82 - 1_000_00, 0)
    booked = pl.concat([closed.transfers for closed, _ in days])
    of_yen = booked.filter((pl.col("loan_id") == 6) & (pl.col("credit") == ROLE["recovery_income"]))
    place = yen.select("entity", "product", "currency").row(0)
    assert of_yen.select("entity", "product", "currency", "amount").rows() == [(*place, 5_000)]
    assert booked.filter(pl.col("credit") == ROLE["unidentified_receipts"]).is_empty()


def test_an_overpaid_loan_that_is_charged_back_goes_on_with_its_schedule(
    policies: PolicyBook,
) -> None:
    story = Story(policies).lent(terms(policies, "lendingclub-personal", n=3))
    back = charged_back(150_000, "2024-03-09")
    events = told(story.paid(150_000, "2024-02-27"), (0, back))
    last = lived(events, policies, dt.date(2024, 4, 2))[-1][0].book.positions
    assert last["principal_due"][0] == last["principal"][0] > 100_000


KINDS = (Kind.payment_received, Kind.goodwill_credit, Kind.chargeback, Kind.charge_off)
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from([Kind.payment_received] * 4 + list(KINDS)),
        st.integers(1, 70),  # value date
        st.integers(0, 30),  # days late
        st.integers(1, 60_000),
        st.one_of(st.none(), st.integers(0, 30)),  # reversed so many days after booking
    ),
    max_size=4,
)
"""What happens to a loan; a book of twelve has six loans of each product."""


@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(HISTORIES, min_size=12, max_size=12))
def test_life_with_late_news_equals_a_life_that_knew(
    policies: PolicyBook, histories: list[list[tuple[Kind, int, int, int, int | None]]]
) -> None:
    story, late = Story(policies), []
    for loan, history in enumerate(histories, start=1):
        product = ("instalment-act365", "lendingclub-personal")[loan % 2]
        story = story.lent(terms(policies, product, loan_id=loan, n=3))
        for n, (kind, on, lag, amount, days) in enumerate(history):
            day = (FIRST + dt.timedelta(days=on)).isoformat()
            asked = None if kind is Kind.charge_off else amount
            row = _event(kind, loan, day, asked, f"{n}", None)
            late.append((lag, row))
            if days is not None:
                when = (FIRST + dt.timedelta(days=on + lag + days)).isoformat()
                back = undone(row["idempotency_key"], when, loan_id=loan, ref=f"r{n}")
                late.append((0, back))
    same_as_in_time(told(story, *late), policies, FIRST + dt.timedelta(days=100))


def test_principal_charged_back_bears_no_interest_before_the_day(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).paid(150_000, "2024-01-18")
    back = charged_back(60_000, "2024-01-30")
    events = told(story, (0, back))
    late = same_as_in_time(events, policies, dt.date(2024, 2, 5))
    days = {d.date: d.book.positions for d, _ in to(late, "2024-02-01")}
    owed = days[dt.date(2024, 1, 30)]["principal"].item()
    earned = [days[dt.date(2024, 1, n)]["interest_earned"].item() for n in (29, 31)]
    # the night after the chargeback alone, of what it made principal again
    assert owed > 20_000
    assert earned[1] - earned[0] == round(owed * 0.12 / 365)


def test_loans_that_are_boarded_late_live_as_if_they_had_come_in_time(policies: PolicyBook) -> None:
    """In the tape of the next day, after three dues, before the book's first day; one is paid
    meanwhile, another was paid off before it came, a third holds its schedule as rows."""
    story = Story(policies).lent(terms(policies, "instalment-act365", loan_id=1))
    late = (
        (2, "instalment-act365", "2024-01-04", "2024-02-04", 1),
        (3, "pay-in-four", "2024-01-05", "2024-02-05", 40),
        (4, "instalment-act365", "2023-12-20", "2024-01-20", 30),
        (5, "interest-only", "2024-01-10", "2024-02-10", 45),
    )
    rows = list(story.rows)
    for loan_id, product, start, first_due, days in late:
        loan = terms(policies, product, loan_id=loan_id, start=start, first_due=first_due)
        for row in Story(policies).lent(loan).rows:
            rows.append(row | {"booking_date": row["value_date"] + dt.timedelta(days=days)})
    rows.append(payment(10_000, "2024-02-06", loan_id=2))
    paid = payment(200_000, "2024-01-25", loan_id=5)
    rows.append(paid | {"booking_date": dt.date(2024, 2, 24)})
    events = Story(policies, tuple(rows)).events()
    days = same_as_in_time(events, policies, dt.date(2024, 2, 26))
    came = {closed.date.isoformat(): restated for closed, restated in days if restated}
    assert sorted(came) == ["2024-01-05", "2024-01-19", "2024-02-14", "2024-02-24"]
