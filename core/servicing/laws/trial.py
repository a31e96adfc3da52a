"""A trial: loans are lived through what would be booked, before it is."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.contract.schedule.expansion import digest
from loanbook.core.ledger.reversals import effective_events, reverses
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.laws.law import AT_FAULT, at_fault
from loanbook.core.servicing.laws.laws import at_once, laws_of_parts, loan_laws
from loanbook.core.servicing.laws.moved import Moved
from loanbook.core.servicing.laws.pinning import FAULTS, pinned
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.backdating import LedgerHistory
from loanbook.core.servicing.replay.fast_forward import History, fast_forward

AFTER = dt.timedelta(days=31)
"""How long a loan is lived after the last of its events: a month's instalment comes due."""
AHEAD = dt.timedelta(days=400)
"""How far a trial looks at most, so that an order for a far date costs no more than another."""
_ONE_DAY = dt.timedelta(days=1)
_MOST = 1_000
"""Loans on which the engine fails that are told apart; beyond, all that are left count as failing."""


def faults(
    events: pl.DataFrame,
    policies: PolicyBook,
    past: LedgerHistory | None = None,
    first_open: dt.date | None = None,
    after: dt.timedelta = AFTER,
) -> pl.DataFrame:
    """Loans whose life through `events` breaks a law, or can't be computed: `loan_id`, `law`, `figures`.

    `events`: every event of the loans (schema `Events`), known and new. `past`: what the ledger knows
    of them; None: they are new. `first_open`: the first date that is not published; what is booked
    from it on is new. `after`: how long they are lived after their last event.
    """
    ids = events["loan_id"].unique().sort()
    start, stands, new = _begun(events, policies, past, first_open)
    last = new.group_by("loan_id").agg(pl.col("value_date").max())
    bound = (first_open or _first_day(new)) + AHEAD
    through = last.select(
        "loan_id", through=pl.min_horizontal(pl.col("value_date") + after, pl.lit(bound))
    )

    def broken_of(some: pl.Series) -> pl.DataFrame:
        ours = pl.col("loan_id").is_in(some.implode())
        return _broken(start.of(some), stands.filter(ours), policies, through.filter(ours))

    try:
        return broken_of(ids)
    except FAULTS:
        bad = pinned(ids, broken_of, _MOST)
    good = ids.filter(~ids.is_in(bad["loan_id"].implode()))
    return pl.concat([bad, broken_of(good)]) if bad.height <= _MOST else bad


def fast_forwarded(
    events: pl.DataFrame,
    policies: PolicyBook,
    past: LedgerHistory | None,
    first_open: dt.date | None,
    through: dt.date,
) -> History:
    """Lives of loans through `events` to the end of `through`, as the days' closes will have them.

    Parameters as for `faults`; `through` is not before `first_open`. Loans on which the engine fails have
    none.
    """
    start, stands, _ = _begun(events, policies, past, first_open)
    stands = stands.filter(pl.col("value_date") <= through)
    ids = events["loan_id"].unique().sort()

    def of(some: pl.Series) -> History:
        ours = pl.col("loan_id").is_in(some.implode())
        return fast_forward(start.of(some), stands.filter(ours), policies, through)

    try:
        return of(ids)
    except FAULTS:
        bad = pinned(ids, of, _MOST)
    return of(ids.filter(~ids.is_in(bad["loan_id"].implode())))


def _begun(
    events: pl.DataFrame,
    policies: PolicyBook,
    past: LedgerHistory | None,
    first_open: dt.date | None,
) -> tuple[Book, pl.DataFrame, pl.DataFrame]:
    """The book that loans begin with, events that stand and are valued after it, and those that are new."""
    start, new = Book.empty(policies.pins, events), events
    if past is not None and first_open is not None:
        new = events.filter(pl.col("booking_date") >= first_open)
        start = _start(new, events, events["loan_id"].unique().sort(), past, first_open)
    stands = effective_events(events)
    if start.date is not None:
        stands = stands.filter(pl.col("value_date") > start.date)
    return start, stands, new


def _first_day(new: pl.DataFrame) -> dt.date:
    first = new["value_date"].min()
    return first if isinstance(first, dt.date) else dt.date.max - AHEAD


def _start(
    new: pl.DataFrame,
    events: pl.DataFrame,
    ids: pl.Series,
    past: LedgerHistory,
    first_open: dt.date,
) -> Book:
    """The loans' book before the first day that `new` events change, with those that ended since."""
    undone = events.filter(pl.col("idempotency_key").is_in(reverses(new).implode()))
    ended = past.ended(ids)
    days = pl.concat([new["value_date"], undone["value_date"], ended["ended_on"]])
    first = days.min()
    first = min(first, first_open) if isinstance(first, dt.date) else first_open
    return past.book(ids, first - _ONE_DAY)


def _broken(
    start: Book, events: pl.DataFrame, policies: PolicyBook, through: pl.DataFrame
) -> pl.DataFrame:
    """The first law that each loan breaks; raises what the engine fails with."""
    life = fast_forward(start, events, policies, through)
    for each in life.rounds:
        if each.boarded.height:
            digest(each.boarded.drop("business_date"))
    found = [pl.DataFrame(schema=AT_FAULT)]
    for parts in at_once(map(Moved.by_round, life.rounds)):
        wrong = {
            place
            for law in laws_of_parts(parts)
            if "part" in law.found.columns
            for place in law.found["part"].unique()
        }
        if not wrong:
            continue
        codes = {
            loan: code
            for each in life.rounds
            for loan, code in each.wide.select("loan_id", "currency").iter_rows()
        }
        currencies = {loan: CURRENCY_NAMES[code] for loan, code in codes.items()}
        found += [at_fault(loan_laws(parts[place]), currencies) for place in sorted(wrong)]
    return pl.concat(found).unique("loan_id", keep="first", maintain_order=True)
