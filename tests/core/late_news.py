"""News that comes late: a story's events by booking date, its life, and the law that it must keep."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.ledger.transfers import account_movements
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.accounts import movements_after
from loanbook.core.servicing.laws.laws import check_laws, restated_laws
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.servicing.replay.replay import live, replay
from loanbook.core.store.writer import BALANCES
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
