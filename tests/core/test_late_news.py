"""Late news: a book that learns late ends as one that knew in time, to the minor unit."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.ledger.transfers import account_movements
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.accounts import movements_after
from loanbook.core.servicing.laws.laws import check_laws, restated_laws
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.servicing.replay.replay import live, replay
from loanbook.core.store.writer import BALANCES
from tests.core.loans import Story, _event, terms

FIRST = dt.date(2024, 1, 1)


def told(story: Story, *late: tuple[int, dict]) -> pl.DataFrame:  # type: ignore[type-arg]
    """Events of a story and those booked some days after their value date."""
    rows = []
    for days, row in late:
        rows.append(row | {"booking_date": row["value_date"] + dt.timedelta(days=days)})
    return Story(story.policies, (*story.rows, *rows)).events()


def lived(
    events: pl.DataFrame, policies: PolicyBook, through: dt.date
) -> list[tuple[DayClose, Restatement | None]]:
    """Day by day as the news came, with every law checked on every day and restated day."""
    balances = pl.DataFrame(schema=BALANCES)
    days = []
    for before, closed, restated in live(events, policies, through):
        balances = movements_after(balances, closed)
        laws = check_laws(before, closed, balances)
        laws += restated_laws(restated) if restated else []
        broken = [law for law in laws if not law.holds]
        assert not broken, f"{closed.date}: {broken}"
        days.append((closed, restated))
    return days


def known_last(
    days: list[tuple[DayClose, Restatement | None]],
) -> dict[tuple[dt.date, int], tuple]:  # type: ignore[type-arg]
    """Positions by date and loan as known after the last day."""
    rows: dict[tuple[dt.date, int], tuple] = {}  # type: ignore[type-arg]
    for closed, restated in days:
        if restated:
            ours = set(restated.loans.to_list())
            rows = {k: v for k, v in rows.items() if k[1] not in ours or k[0] < restated.first}
            last = closed.date - dt.timedelta(days=1)
            again = restated.lived.stay.positions(restated.first, last)
            days_ = zip(again["business_date"], again.drop("business_date").rows(), strict=True)
            rows |= {(day, r[0]): r for day, r in days_}
        rows |= {(closed.date, r[0]): r for r in closed.book.positions.rows()}
    return rows


def same_as_in_time(
    events: pl.DataFrame, policies: PolicyBook, through: dt.date
) -> list[tuple[DayClose, Restatement | None]]:
    """The law of late news, over what was booked by then; the days as the news came."""
    events = events.filter(pl.col("booking_date") <= through)
    late, ideal = lived(events, policies, through), list(replay(events, policies, through))
    in_time = {(d.date, r[0]): r for _, d in ideal for r in d.book.positions.rows()}
    known = known_last(late)
    assert known.keys() == in_time.keys()
    names = ideal[-1][1].book.positions.columns
    for key, row in known.items():
        wrong = {n: (a, b) for n, a, b in zip(names, row, in_time[key], strict=True) if a != b}
        assert not wrong, f"{key}: {wrong}"
    assert late[-1][0].book.dues.equals(ideal[-1][1].book.dues)

    def sums(frames: list[pl.DataFrame]) -> pl.DataFrame:
        return account_movements(pl.concat(frames)).filter(pl.col("movement") != 0)

    assert sums([d.transfers for d, _ in late]).equals(sums([d.transfers for _, d in ideal]))
    return late


def to(
    days: list[tuple[DayClose, Restatement | None]], last: str
) -> list[tuple[DayClose, Restatement | None]]:
    """The days of a life to one of them."""
    return [day for day in days if day[0].date <= dt.date.fromisoformat(last)]


def test_a_late_payment_is_as_if_it_had_come_in_time(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    late = _event(Kind.payment_received, 1, "2024-02-01", 10_662, "late", None)
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
    back = _event(Kind.reversal, 1, "2024-02-10", None, "r", json.dumps({"reverses": key}))
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
    back = _event(Kind.chargeback, 1, "2024-03-09", 150_000, "cb", None)
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
        for n, (kind, on, lag, amount, undone) in enumerate(history):
            day = (FIRST + dt.timedelta(days=on)).isoformat()
            asked = None if kind is Kind.charge_off else amount
            row = _event(kind, loan, day, asked, f"{n}", None)
            late.append((lag, row))
            if undone is not None:
                when = (FIRST + dt.timedelta(days=on + lag + undone)).isoformat()
                body = json.dumps({"reverses": row["idempotency_key"]})
                late.append((0, _event(Kind.reversal, loan, when, None, f"r{n}", body)))
    same_as_in_time(told(story, *late), policies, FIRST + dt.timedelta(days=100))


def test_principal_charged_back_bears_no_interest_before_the_day(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365")).paid(150_000, "2024-01-18")
    back = _event(Kind.chargeback, 1, "2024-01-30", 60_000, "cb", None)
    events = told(story, (0, back))
    late = same_as_in_time(events, policies, dt.date(2024, 2, 5))
    days = {d.date: d.book.positions for d, _ in to(late, "2024-02-01")}
    owed = days[dt.date(2024, 1, 30)]["principal"].item()
    earned = [days[dt.date(2024, 1, n)]["interest_earned"].item() for n in (29, 31)]
    # the night after the chargeback alone, of what it made principal again
    assert owed > 20_000
    assert earned[1] - earned[0] == round(owed * 0.12 / 365)
