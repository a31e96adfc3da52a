"""A day that one bad loan does not stop: loans that break a law, or the engine, are set apart.

The day is closed for all; where a law is broken, or the engine fails, the loans at fault are found
and held, and the day is closed again without them. Loans that are held are tried first, by
themselves: they return when their days hold again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.errors import LawsBrokenError
from loanbook.core.ledger.events import EVENT_COLUMNS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.laws.accounts import loans_keep_their_accounts, movements_after
from loanbook.core.servicing.laws.law import AT_FAULT, Law, at_fault
from loanbook.core.servicing.laws.laws import check_laws, loan_laws, restated_laws
from loanbook.core.servicing.laws.moved import Moved
from loanbook.core.servicing.laws.pinning import ENGINE, FAULTS, pinned
from loanbook.core.servicing.loan.book import Book, nobody_held
from loanbook.core.servicing.replay.backdating import (
    LedgerHistory,
    Restatement,
    close_with_news,
)
from loanbook.core.servicing.replay.holding import newly_held, to_hold

Close = Callable[[Book, pl.DataFrame, PolicyBook, dt.date], DayClose]
_BROKEN = {**AT_FAULT, "remedy": pl.String}


@dataclass(frozen=True)
class Limit:
    """How many loans may be held at once; more is no matter of single loans, and blocks the day."""

    loans: int = 100
    percent: int = 10
    """Of the book's loans, rounded down; one may always be held."""

    def of(self, loans: int) -> int:
        """How many of so many loans."""
        return min(self.loans, max(1, loans * self.percent // 100)) if self.loans else 0


@dataclass(frozen=True)
class Day:
    """What a day is closed from: book and balances before it, what is booked on it, the past."""

    book: Book
    balances: pl.DataFrame
    """General-ledger balances before it."""
    booked: pl.DataFrame
    past: LedgerHistory
    policies: PolicyBook
    date: dt.date
    close: Close = close
    whole: bool = True
    """The whole book: its general ledger is checked too."""

    def of(self, ids: pl.Series) -> Day:
        """The day of these loans alone."""
        booked = self.booked.filter(pl.col("loan_id").is_in(ids.implode()))
        return replace(self, book=self.book.of(ids), booked=booked, whole=False)

    @property
    def ids(self) -> pl.Series:
        """Every loan of the day."""
        each = (self.book.positions, self.book.held, self.book.pending, self.booked)
        return pl.concat([frame["loan_id"] for frame in each]).unique().sort()


@dataclass(frozen=True)
class Closed:
    """A day that is closed, and what its laws say."""

    before: Book
    """The book that the close began with, restated where news asked for it."""
    closed: DayClose
    restated: Restatement | None
    balances: pl.DataFrame
    laws: list[Law]


def close_lawfully(day: Day, limit: Limit) -> Closed:
    """Close a day, holding loans that break it (`Closed.closed.book.held`, schema `HELD`).

    Raises LawsBrokenError where more loans than `limit` would be held, or a law is broken that no
    single loan breaks; what the engine fails with, where no loan fails alone.
    """
    held = day.book.held
    if held.height:
        held = _closed(day.of(held["loan_id"]), nobody_held(), held.height)[1]
    return _closed(day, held, limit.of(day.ids.len()))[0]


def _closed(day: Day, held: pl.DataFrame, most: int) -> tuple[Closed, pl.DataFrame]:
    """The day closed without those who break it, and who they are, `held` among them."""
    names: list[str] = []
    while True:
        try:
            done = _attempt(day, held)
            broken = [law for law in done.laws if not law.holds]
            if not broken:
                return done, held
            found = _at_fault(done, broken, day, most)
        except FAULTS as error:
            found = _failing(day, held, most)
            if found.is_empty():
                raise
            broken = [Law(ENGINE, False, found.height, str(error), found)]
        fresh = found.join(held, on="loan_id", how="anti", maintain_order="left")
        names = list(dict.fromkeys([*names, *(law.name for law in broken)]))
        if fresh.is_empty() or held.height + fresh.height > most:
            at_fault = fresh
            if fresh.height:
                at_fault = pl.concat([held.select(_BROKEN.keys()), fresh])
            raise LawsBrokenError(day.date, at_fault, names, most)
        waiting = pl.concat([day.book.pending, day.booked])
        if day.whole:
            fresh = _with_linked(fresh, waiting)
        held = pl.concat([held, newly_held(day.book, waiting, fresh, day.date)])


def _attempt(day: Day, held: pl.DataFrame) -> Closed:
    book, closed, restated = close_with_news(
        to_hold(day.book, held), day.booked, day.past, day.policies, day.date, day.close
    )
    if day.whole:
        after = movements_after(day.balances, closed)
        laws = check_laws(book, closed, after)
    else:
        after = day.balances
        laws = loan_laws(Moved.by_close(book, closed))
    laws += restated_laws(restated) if restated else []
    return Closed(book, closed, restated, after, laws)


def _at_fault(done: Closed, broken: list[Law], day: Day, most: int) -> pl.DataFrame:
    """Loans that break laws, the first law of each (`_BROKEN`); those of an account that differs, by
    their own movements."""
    if all("loan_id" not in law.found.columns for law in broken):
        broken = [loans_keep_their_accounts(done.before, done.closed)]
    return _with_remedy(at_fault(broken, _currencies(done), most + 1), day)


def _currencies(done: Closed) -> dict[int, str]:
    frames = [done.before.terms, done.closed.book.terms]
    if done.restated:
        frames += [each.wide for each in done.restated.lived.rounds]
    codes = pl.concat([frame.select("loan_id", "currency") for frame in frames]).unique()
    return {loan: CURRENCY_NAMES[code] for loan, code in codes.rows()}


def _failing(day: Day, held: pl.DataFrame, most: int) -> pl.DataFrame:
    """Loans on whose own day the engine fails (`_BROKEN`), no more than one beyond `most` of them."""
    standing = day.ids.filter(~day.ids.is_in(held["loan_id"].implode()))
    found = pinned(standing, lambda ids: _attempt(day.of(ids), held), most)
    return _with_remedy(found, day)


_SHOWN = 3
"""Events that a remedy names."""


def _with_remedy(found: pl.DataFrame, day: Day) -> pl.DataFrame:
    """What to do for each loan: it names what came for it on the day."""
    ids = found["loan_id"].implode()
    waiting = pl.concat([day.book.pending.filter(pl.col("value_date") <= day.date), day.booked])
    came = waiting.select(EVENT_COLUMNS).filter(pl.col("loan_id").is_in(ids))
    names = {kind.value: kind.name.replace("_", " ") for kind in Kind}
    named = pl.concat_str(
        pl.col("kind").replace_strict(names, return_dtype=pl.String), pl.lit(" "), "source_ref"
    )
    by_loan = came.group_by("loan_id", maintain_order=True).agg(
        came=named.head(_SHOWN).str.join(", "), new=(pl.col("kind") == Kind.loan_boarded).any()
    )
    take_back = pl.format(
        "take back or correct what came for it ({}); it is tried again at every close", "came"
    )
    withdraw = pl.lit(
        "withdraw the loan (order `withdraw`) and board it on other terms; "
        "it is tried again at every close"
    )
    nothing = pl.lit(
        "look at its life with `loanbook explain`, mend the policy of its product or report a "
        "defect; it is tried again at every close"
    )
    told = found.join(by_loan, on="loan_id", how="left", maintain_order="left")
    remedy = pl.when("new").then(withdraw).when(pl.col("came").is_not_null()).then(take_back)
    return told.with_columns(remedy=remedy.otherwise(nothing)).select(_BROKEN.keys())


def _with_linked(found: pl.DataFrame, waiting: pl.DataFrame) -> pl.DataFrame:
    """With the loans that refinancings of the day link to those found: they are one group."""
    rows = waiting.filter(pl.col("kind") == Kind.refinanced.value)
    if rows.is_empty():
        return found
    by = pl.col("payload").str.json_path_match("$.by").cast(pl.Int64)
    pairs = rows.select(one="loan_id", other=by)
    both = pl.concat([pairs, pairs.select(one="other", other="one")])
    linked = both.join(found, left_on="one", right_on="loan_id").filter(
        ~pl.col("other").is_in(found["loan_id"].implode())
    )
    told = linked.unique("other", maintain_order=True).select(
        loan_id="other", law=pl.lit("held_with_another"),
        figures=pl.format("a refinancing links it to a loan that breaks {}", "law"), remedy="remedy",
    )  # fmt: skip
    return pl.concat([found, told])
