"""Fast-forward: loans taken through their lives from one date on which something happens to the next.

Each at its own pace: interest is path-independent, so a loan needs a visit only on the dates on which something happens
to it; the days between two such dates follow in closed form. A round takes every loan that has one to
its next date, by the steps of a day that `close` goes through, so a life costs as many rounds as
its busiest loan has dates, whatever the number of days. Positions, dues and movements of every
day equal those of closing day by day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Kind
from loanbook.core.frames import empty, within_pool
from loanbook.core.ledger.events import REPLAY_ORDER, Events
from loanbook.core.ledger.transfers import Transfers
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.arrears.days_past_due import with_oldest
from loanbook.core.servicing.day.close import NO_CHANGE, accruals, boarded_by, with_event
from loanbook.core.servicing.day.next_dates import ONE_DAY
from loanbook.core.servicing.day.night import pass_night
from loanbook.core.servicing.day.steps import next_action_dates, run_day
from loanbook.core.servicing.endings.reopening import left_behind, reopened
from loanbook.core.servicing.loan.book import Book, replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE, dated
from loanbook.core.servicing.loan.dues import DUE_KEY, NO_DUES, Dues
from loanbook.core.servicing.loan.opening import opened
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.payments.allocations import Allocations
from loanbook.core.servicing.replay.quiet_days import QuietSpans

Through = dt.date | pl.DataFrame
"""A last date for all, or `loan_id` and `through` of each."""


@dataclass(frozen=True)
class Visit:
    """One visit of some loans, each on its `business_date`, which every frame carries."""

    before: pl.DataFrame
    """Positions the evening before, of loans that lived then."""
    wide: pl.DataFrame
    """Terms and positions after the visit."""
    dues_before: pl.DataFrame
    """Dues the evening before."""
    dues: pl.DataFrame
    settled: pl.DataFrame
    transfers: pl.DataFrame
    """Schema `Transfers`; daily interest is none of them."""
    nights: pl.DataFrame
    """Transfers of the nights before the visits, summed as a close sums them."""
    allocations: pl.DataFrame
    applied: pl.DataFrame
    boarded: pl.DataFrame
    unidentified: pl.DataFrame
    changed: pl.DataFrame
    policies: PolicyBook

    def of(self, ours: pl.Expr) -> Visit:
        """The visit of some of its loans alone; nights that were summed are of none."""
        frames = (each.name for each in fields(self) if each.name != "policies")
        return replace(self, **{name: getattr(self, name).filter(ours) for name in frames})


_NO_DATE = pl.lit(None, dtype=pl.Date)
_NOBODY = empty(Allocations).select("loan_id", "event_id", "amount")
NOTHING = {
    "transfers": empty(Transfers),
    "settled": NO_DUES,
    "allocations": empty(Allocations).with_columns(business_date=_NO_DATE),
    "unidentified": _NOBODY.with_columns(business_date=_NO_DATE),
    "changed": NO_CHANGE.with_columns(business_date=_NO_DATE),
    "applied": empty(Events).with_columns(business_date=_NO_DATE),
}
"""Frames of a round in which nothing happened."""
Prepare = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[Visit]], pl.DataFrame]
"""May complete the events of a round: told `wide`, `dues`, `events` of the visit to come and the
rounds before it, it returns the events."""


@dataclass(frozen=True)
class History:
    """Lives of some loans, as rounds of visits and stays between them."""

    start: Book
    rounds: tuple[Visit, ...]
    stay: QuietSpans
    """Every day of the loans, visited or not."""
    dues: pl.DataFrame
    """Dues of the loans that live after the last date."""
    closed: pl.DataFrame
    """Terms and last positions of loans that ended and may come back."""
    closed_dues: pl.DataFrame
    waiting: pl.DataFrame
    """Events valued after the last date."""

    def all(self, name: str) -> pl.DataFrame:
        """A frame of all rounds, one of `NOTHING`'s: `History.all("transfers")`."""
        nothing = [NOTHING[name]] if name in NOTHING else []
        return pl.concat([*nothing, *(getattr(each, name) for each in self.rounds)])

    def of(self, ids: pl.Series) -> History:
        """Lives of some of the loans alone, without the nights that were summed over all."""
        ours = pl.col("loan_id").is_in(ids.implode())
        visits = (each.of(ours) for each in self.rounds)
        left = (self.dues, self.closed, self.closed_dues, self.waiting)
        return History(
            self.start.of(ids), tuple(each for each in visits if each.wide.height), self.stay.of(ours),
            *(rows.filter(ours) for rows in left),
        )  # fmt: skip

    def book(self, date: dt.date) -> Book:
        """The book at the end of `date`, the last one of all loans."""
        if date == self.start.date:
            return replace(self.start, pending=self.waiting)
        wide = self.stay.wide(date, date)
        columns = self.start.terms.columns
        return Book(
            date, wide.select(columns), wide.select(STATE),
            self.dues.drop("business_date").sort(DUE_KEY), self.waiting,
            self.closed, self.closed_dues,
        )  # fmt: skip


def fast_forward(
    book: Book,
    events: pl.DataFrame,
    policies: PolicyBook,
    through: Through,
    prepare: Prepare | None = None,
) -> History:
    """Take the loans of `book` and those that `events` board through their last date.

    `events`: those that stand (schema `Events`), valued after the book's date; each takes effect
    on its value date. A loan that ended comes back where the book keeps it (`Book.closed`) or it
    ended on the way. Pure; raises what `close` raises.
    """
    return within_pool(
        lambda: _FastForward(book, events, policies, through, prepare).run(),
        book.loans + events.height,
    )


class _FastForward:
    """Where the loans stand between two rounds."""

    def __init__(
        self,
        book: Book,
        events: pl.DataFrame,
        policies: PolicyBook,
        through: Through,
        prepare: Prepare | None,
    ) -> None:
        self.policies, self.through, self.prepare, self.start = policies, through, prepare, book
        events = pl.concat([book.pending, events]).sort("loan_id", *REPLAY_ORDER)
        events = self._until(events.with_columns(next_date="value_date"))
        self.events = events.filter(pl.col("next_date") <= pl.col("end")).drop("next_date", "end")
        self.waiting = events.filter(pl.col("next_date") > pl.col("end")).drop("next_date", "end")
        self.coming = self.events.select("loan_id", day="value_date").unique()
        first = self.events["value_date"].min()
        eve = book.date if book.date is not None else first
        self.versions: tuple[Buckets, ...] = ()
        if isinstance(eve, dt.date):
            self.versions = policies.buckets_since("default", eve)
        self.columns = [*book.terms.columns, *(c for c in STATE if c != "loan_id"), "business_date"]
        wide, self.dues = (
            book.wide().with_columns(business_date=pl.lit(book.date, dtype=pl.Date)),
            NO_DUES,
        )
        self.live = wide.filter(~pl.col("status").is_in(ENDED))
        if self.live.height:
            assert book.date is not None
            live_dues = book.dues.join(self.live.select("loan_id"), on="loan_id", how="semi")
            self.dues = dated(live_dues, book.date)
        held = book.closed if book.closed is not None else book.wide().clear()
        self.closed = held.with_columns(business_date=pl.lit(book.date, dtype=pl.Date))
        kept = book.closed_dues if book.closed_dues is not None else empty(Dues)
        self.closed_dues = kept.with_columns(business_date=pl.lit(book.date, dtype=pl.Date))
        self.stays = [(with_oldest(self.live, self.dues, policies.delinquency), self.dues)]
        self.rounds: list[Visit] = []

    def run(self) -> History:
        while self._round():
            pass
        wide = pl.concat([frame for frame, _ in self.stays])
        dues = pl.concat([frame for _, frame in self.stays])
        stay = QuietSpans.between(self._until(wide), dues, self.versions, self.start.date)
        return History(
            self.start, tuple(self.rounds), stay, self.dues,
            self.closed.drop("business_date"), self.closed_dues.drop("business_date"), self.waiting,
        )  # fmt: skip

    def _until(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`rows` with `end`, the last date of their loan."""
        if isinstance(self.through, dt.date):
            return rows.with_columns(end=pl.lit(self.through))
        ends = self.through.select("loan_id", end="through")
        return rows.join(ends, on="loan_id", how="left", maintain_order="left")

    def _round(self) -> bool:
        found = next_action_dates(self.live, self.dues, self.coming, self.policies)
        visits = self._until(found).filter(pl.col("next_date") <= pl.col("end")).sort("loan_id")
        if visits.is_empty():
            return False
        on = visits.select("loan_id", business_date="next_date")
        events = self.events.join(
            on, left_on=["loan_id", "value_date"], right_on=["loan_id", "business_date"],
            how="semi", maintain_order="left",
        )  # fmt: skip
        returned = self._reopen(events, on)
        before, wide, boarded = self._arrived(on, events)
        is_visited = pl.col("loan_id").is_in(on["loan_id"].implode())
        dues = (
            self.dues.filter(is_visited)
            .drop("business_date")
            .join(on, on="loan_id", maintain_order="left")
        )
        if self.prepare is not None:
            events = self.prepare(wide, dues, events, self.rounds)
        nights = accruals(wide) if wide.height else empty(Transfers)
        done = run_day(wide, dues, events, self.policies, self.versions)
        self.stays.append((done.wide, done.dues))
        self.rounds.append(
            Visit(
                before,
                done.wide,
                dues,
                done.dues,
                pl.concat([done.settled, returned]),
                done.transfers,
                nights,
                done.allocations.join(on, on="loan_id", maintain_order="left"),
                events.with_columns(business_date="value_date"),
                boarded.join(on, on="loan_id", maintain_order="left"),
                done.unidentified.join(on, on="loan_id", maintain_order="left"),
                with_event(done.wide, done.changed).join(on, on="loan_id", maintain_order="left"),
                self.policies,
            )  # fmt: skip
        )
        self._move_on(done.wide.select(self.columns), done.dues, done.settled, on, is_visited)
        return True

    def _reopen(self, events: pl.DataFrame, on: pl.DataFrame) -> pl.DataFrame:
        """Bring ended loans back that money or a chargeback reaches; their dues, below zero."""
        found = reopened(self.closed, self.closed_dues, events, self.policies.calendars)
        if found.back.is_empty():
            return NO_DUES
        self.live = pl.concat([self.live.select(self.columns), found.back.select(self.columns)])
        self.dues = pl.concat([self.dues, found.dues.select(self.dues.columns)])
        self.closed, self.closed_dues = found.aside, found.dues_aside
        again = found.dues.drop("business_date").join(on, on="loan_id")
        return again.with_columns(-pl.col("amount"), -pl.col("paid")).select(NO_DUES.columns)

    def _arrived(
        self, on: pl.DataFrame, events: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Positions the evening before, the loans of the round on their date, those boarded."""
        came = self.live.select(self.columns).rename({"business_date": "stood_on"})
        came = came.join(on, on="loan_id").sort("loan_id")
        came = came.with_columns(business_date=BUSINESS_DATE - ONE_DAY)
        stood = (came["stood_on"] == came["business_date"]).fill_null(False)
        came = came.drop("stood_on")
        eve = pass_night(came)
        if stood.any():  # they were visited that very day: no night has passed since
            eve = replaced(eve, stood, eve.filter(stood), came.filter(stood).select(eve.columns))
        wide = pass_night(eve.with_columns(business_date=BUSINESS_DATE + ONE_DAY))
        boarded = self.start.terms.clear()
        boardings = events.filter(pl.col("kind") == Kind.loan_boarded)
        if boardings.height:
            boarded = boarded_by(boardings, self.policies)
            new = opened(boarded, self.policies.calendars).join(on, on="loan_id")
            wide = pl.concat([wide, new.select(wide.columns)]).sort("loan_id")
        return eve.select(*STATE, "business_date"), wide, boarded

    def _move_on(
        self,
        wide: pl.DataFrame,
        dues: pl.DataFrame,
        settled: pl.DataFrame,
        on: pl.DataFrame,
        is_visited: pl.Expr,
    ) -> None:
        ended = pl.col("status").is_in(ENDED)
        gone = wide.filter(ended)
        self.live = pl.concat(
            [self.live.select(self.columns).filter(~is_visited), wide.filter(~ended)]
        )
        self.dues = pl.concat([self.dues.filter(~is_visited), dues.select(self.dues.columns)])
        if gone.height:
            to_come = left_behind(settled, gone)
            self.closed = pl.concat([self.closed.select(self.columns), gone])
            self.closed_dues = pl.concat(
                [self.closed_dues, to_come.select(self.closed_dues.columns)]
            )
        left = self.coming.join(on, on="loan_id", how="left")
        self.coming = left.filter(BUSINESS_DATE.is_null() | (pl.col("day") > BUSINESS_DATE)).select(
            "loan_id", "day"
        )
