"""Late news: a book that learns late ends as one that knew in time, to the minor unit."""

from __future__ import annotations

import datetime as dt

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.replay.backdating import Restatement
from tests.core.late_news import lived, same_as_in_time, told
from tests.core.loans import Story, _event, charged_back, payment, terms, undone

FIRST = dt.date(2024, 1, 1)


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
