"""News that comes late: a story's events by booking date, its life, and the law that it must keep."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import account_movements
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.backdating import Restatement, close_with_news
from loanbook.core.servicing.replay.replay import InMemoryHistory, live, replay
from tests.core.kept_laws import KeptLaws
from tests.core.loans import Story


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
    laws, days = KeptLaws(), []
    for before, closed, restated in live(events, policies, through):
        laws.day(before, closed, restated)
        days.append((closed, restated))
    laws.held()
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
    events: pl.DataFrame,
    policies: PolicyBook,
    through: dt.date,
    *,
    as_stored: bool = False,
) -> list[tuple[DayClose, Restatement | None]]:
    """The law of late news, over what was booked by then; the days as the news came.

    `as_stored`: also lived again from the day before the news, as a stored ledger does.
    """
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
    if as_stored:
        from_the_day_before(events, policies, late)
    return late


def from_the_day_before(
    events: pl.DataFrame, policies: PolicyBook, late: list[tuple[DayClose, Restatement | None]]
) -> None:
    """The days of `late` that restated are the same restated from the day before the news, as a
    stored ledger does, not from the loans' first day as a rebuild does; the others have nothing to
    restate and are the same close of the same book."""
    past = _EveryDay(events, policies)
    book = Book.empty(policies.pins, events)
    for day, rebuilt in late:
        closed, restated = day, None
        if rebuilt is not None:
            booked = events.filter(pl.col("booking_date") == day.date)
            _, closed, restated = close_with_news(book, booked, past, policies, day.date)
            assert closed.transfers.sort(pl.all()).equals(day.transfers.sort(pl.all())), day.date
            assert closed.book.wide().equals(day.book.wide()), day.date
            assert closed.book.dues.equals(day.book.dues), day.date
        past.keep(closed, restated)
        book = closed.book


class _EveryDay(InMemoryHistory):
    """A past that keeps every loan of every day as known last, as the store does."""

    def __init__(self, events: pl.DataFrame, policies: PolicyBook) -> None:
        super().__init__(events, policies)
        self._wide: list[pl.DataFrame] = []
        self._dues: list[pl.DataFrame] = []

    def keep(self, closed: DayClose, restated: Restatement | None) -> None:
        super().keep(closed, restated)
        parts = [
            (self._wide, dated(closed.book.wide(), closed.date)),
            (self._dues, dated(closed.book.dues, closed.date)),
        ]
        if restated is not None:
            last = closed.date - dt.timedelta(days=1)
            gone = pl.col("loan_id").is_in(restated.loans.implode())
            gone &= pl.col("business_date") >= restated.first
            for kept in (self._wide, self._dues):
                kept[:] = [frame.filter(~gone) for frame in kept]
            stay = restated.lived.stay
            parts.append((self._wide, stay.wide(restated.first, last)))
            parts.append((self._dues, stay.dues(restated.first, last)))
        for kept, rows in parts:
            kept.append(rows)

    def book(self, ids: pl.Series, date: dt.date) -> Book:
        """See `LedgerHistory`: the loans at the end of `date`."""
        ours = pl.col("loan_id").is_in(ids.implode()) & (pl.col("business_date") == date)
        wide = pl.concat([rows.filter(ours) for rows in self._wide], how="diagonal")
        beginning = super().book(ids, date)
        if wide.is_empty():
            return beginning
        wide = wide.filter(~pl.col("status").is_in(ENDED)).sort("loan_id")
        dues = pl.concat([rows.filter(ours) for rows in self._dues], how="diagonal")
        return Book(
            date,
            wide.select(beginning.terms.columns),
            wide.select(STATE),
            dues.select(empty(Dues).columns).sort("loan_id", "instalment_no", "component"),
            self._events.clear(),
        )
