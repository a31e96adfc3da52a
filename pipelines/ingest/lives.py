"""Lives of loans for a run of intake: each goes on from where an earlier file of the run left it.

A file of orders is judged by how its loans stand on the eve of its date. Files of many days taken in at once
ask that day after day; what was lived for one file is not lived again for the next.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.laws.pinning import FAULTS
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.orders.event_totals import forgiven
from loanbook.core.servicing.replay.fast_forward import History, fast_forward

_DAYS = 4
"""Loans that were left on more days than so many are lived anew: each day's go on by themselves."""


@dataclass(frozen=True)
class Life:
    """Loans at the end of a date, and what their events did since the last published day."""

    book: Book
    told: pl.DataFrame
    """Events that it went through, or that were published before: `loan_id`, `idempotency_key`."""
    applied: pl.DataFrame
    """Those of them that it went through: `loan_id`, `idempotency_key`."""
    met: pl.DataFrame
    """`loan_id`, `idempotency_key`, `component`, `amount` (minor units): what money met."""
    waived: pl.DataFrame
    """As `loanbook.core.servicing.orders.event_totals.forgiven` has it."""

    @classmethod
    def lived(cls, history: History, told: pl.DataFrame, date: dt.date) -> Life:
        """A life that was lived to the end of a date; `told`: events that stand by then."""
        applied = history.all("applied").select(
            "event_id", "loan_id", "idempotency_key", "kind", "payload"
        )
        allocations = history.all("allocations").filter(pl.col("component").is_not_null())
        waivers = applied.filter(pl.col("kind") == Kind.charge_waived.value)
        return cls(
            history.book(date),
            told.select("loan_id", "idempotency_key"),
            applied.select("loan_id", "idempotency_key"),
            allocations.join(applied.select("event_id", "idempotency_key"), on="event_id").select(
                "loan_id", "idempotency_key", "component", "amount"
            ),
            forgiven(waivers, history.all("transfers")).drop("event_id"),
        )

    def of(self, ids: pl.Series) -> Life:
        """These loans alone."""
        return Life(self.book.of(ids), **{n: getattr(self, n).filter(_among(ids)) for n in _FRAMES})

    def beside(self, other: Life) -> Life:
        """These loans and others, on one date."""
        return Life(_both(self.book, other.book), **self._with(other))

    def then(self, since: Life) -> Life:
        """The same loans, gone on."""
        return Life(since.book, **self._with(since))

    def _with(self, other: Life) -> dict[str, pl.DataFrame]:
        return {name: pl.concat([getattr(self, name), getattr(other, name)]) for name in _FRAMES}


_FRAMES = ("told", "applied", "met", "waived")


@dataclass
class Lives:
    """Loans that were lived for files of a run, by the day on which they were left."""

    begin: Callable[[pl.DataFrame, dt.date], History]
    """Loans lived through all their events to the end of a date (`loanbook.pipelines.trial.lived`)."""
    policies: PolicyBook
    _left: dict[dt.date, Life] = field(default_factory=dict)

    def through(self, events: pl.DataFrame, date: dt.date) -> Life:
        """The loans of `events` (all that are told of them by then) at the end of a date that is not published.

        Those on which the engine fails have no life.
        """
        stands = effective_events(events).filter(pl.col("value_date") <= date)
        anew, parts = events["loan_id"].unique().sort(), []
        for nth, day in enumerate(sorted(self._left, reverse=True)):
            group = self._left[day]
            ours = group.told.filter(_among(anew))["loan_id"].unique()
            if ours.is_empty():
                continue
            self._left[day] = group.of(group.told.filter(~_among(ours))["loan_id"].unique())
            if day > date or nth >= _DAYS:
                continue
            same = ours.filter(~ours.is_in(_told_otherwise(group.of(ours), stands, day).implode()))
            onward = self._onward(group.of(same), stands.filter(_among(same)), day, date)
            if onward is not None:
                parts.append(onward)
                anew = anew.filter(~anew.is_in(same.implode()))
        if anew.len() or not parts:
            told = events.filter(_among(anew))
            fresh = self.begin(told, date)
            parts.append(Life.lived(fresh, stands.filter(_among(anew)), date))
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.beside(part)
        there = self._left.get(date)
        self._left[date] = whole if there is None else there.beside(whole)
        self._left = {day: life for day, life in self._left.items() if life.told.height}
        return whole

    def _onward(self, life: Life, stands: pl.DataFrame, day: dt.date, date: dt.date) -> Life | None:
        """Loans gone on from one day to another; None: none, or the engine fails on one of them."""
        if life.told.is_empty() or day == date:
            return life if life.told.height else None
        since = stands.filter(pl.col("value_date") > day)
        try:
            history = fast_forward(life.book, since, self.policies, date)
        except FAULTS:
            return None
        return life.then(Life.lived(history, since, date))


def _told_otherwise(life: Life, stands: pl.DataFrame, day: dt.date) -> pl.Series:
    """Loans of which other events stand by a day than those that they went through: one came late, was
    taken back or refused since."""
    now = stands.filter(pl.col("value_date") <= day).select("loan_id", "idempotency_key")
    now = now.join(life.told.select("loan_id").unique(), on="loan_id", how="semi")
    more = now.join(life.told, on="idempotency_key", how="anti")
    less = life.told.join(now, on="idempotency_key", how="anti")
    return pl.concat([more["loan_id"], less["loan_id"]]).unique()


def _both(one: Book, other: Book) -> Book:
    """Two books of one date as one."""

    def together(name: str) -> pl.DataFrame:
        parts = [each for each in (getattr(one, name), getattr(other, name)) if each is not None]
        return pl.concat(parts).sort("loan_id", maintain_order=True)

    ended = one.closed is not None or other.closed is not None
    return replace(
        one, terms=together("terms"), positions=together("positions"), dues=together("dues"),
        pending=together("pending"), closed=together("closed") if ended else None,
        closed_dues=together("closed_dues") if ended else None,
    )  # fmt: skip


def _among(ids: pl.Series) -> pl.Expr:
    return pl.col("loan_id").is_in(ids.implode())
