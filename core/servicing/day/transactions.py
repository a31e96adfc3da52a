"""A day's events, in order of replay, one a loan at a time over the whole portfolio.

The order is: step of the day (or as they came, where the product says `day_order: sequence`),
source system, the source's own sequence, idempotency key. A pass takes the next event of every
loan that has one, kind by kind, so any number of loans costs as many passes as the busiest has
events; payments that follow each other are taken at once where that comes to the same. Who takes a kind of
event stands in its row of `loanbook.core.catalogue.events`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pkgutil import resolve_name

import polars as pl

from loanbook.core.catalogue.events import ROW, STEP
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import REPLAY_ORDER
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.several import poured_at_once
from loanbook.core.servicing.schedule.billing import on_schedule

IN_SEQUENCE = 6
"""Step of all events of a product that takes them in the order in which they came."""
Handler = Callable[[DayState, pl.DataFrame], None]

_UNORDERED = [
    pl.lit(0, dtype=pl.Int16).alias("product"),
    pl.lit(False).alias("in_sequence"),
    *(pl.lit(0, dtype=pl.Int64).alias(name) for name in ("step", "nth")),
]
"""What `in_replay_order` adds, of a day without events."""


def in_replay_order(todays: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Events that change live loans, with the `step` and the `nth` in which each is taken."""
    if todays.is_empty():
        return todays.with_columns(_UNORDERED)
    events = todays.filter(pl.col("kind").is_in([k.value for k in STEP])).join(
        loans.select("loan_id", "product", "in_sequence"),
        on="loan_id", how="inner", maintain_order="left",
    )  # fmt: skip
    step = pl.col("kind").replace_strict(
        {k.value: s for k, s in STEP.items()}, default=0, return_dtype=pl.Int64
    )
    # as they came: with the money, the endings too
    events = events.with_columns(step=pl.when("in_sequence").then(IN_SEQUENCE).otherwise(step))
    if events["loan_id"].n_unique() == events.height:
        return events.with_columns(nth=pl.lit(0, dtype=pl.Int64))
    return events.sort("loan_id", "step", *REPLAY_ORDER, maintain_order=True).with_columns(
        nth=pl.int_range(pl.len(), dtype=pl.Int64).over("loan_id")
    )


def apply(day: DayState, events: pl.DataFrame) -> None:
    """Every event of `in_replay_order`, one a loan at a time, or several payments at once."""
    nth = _in_runs(events)
    for each in range(int(nth.max() or 0) + 1 if events.height else 0):  # type: ignore[arg-type]
        these = events.filter(nth == each)
        for code in sorted(these["kind"].unique().to_list()):
            kind, some = Kind(code), these.filter(pl.col("kind") == code)
            if ROW[kind].spreads:
                some = on_schedule(day.loans, some)
            for together in _taken_together(day, some):
                handler_of(kind)(day, together)


MANY = 4
"""Events of a loan on a day from which it is worth asking whether they may be taken at once."""


def _in_runs(events: pl.DataFrame) -> pl.Series:
    """The `nth` of each event; that of the first one for payments of a loan that follow each other."""
    nth = events["nth"]
    if events.is_empty() or nth.max() < MANY:  # type: ignore[operator]
        return nth
    # a payment that says itself where it goes is taken alone
    plain = (pl.col("kind") == Kind.payment_received.value) & pl.col("payload").is_null()
    follows = plain & plain.shift(1) & (pl.col("loan_id") == pl.col("loan_id").shift(1))
    begins = pl.when(~follows.fill_null(False)).then("nth")
    return events.select(begins.forward_fill()).to_series()


def _taken_together(day: DayState, events: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """`events` of one kind, one a loan at a time, with those that may be taken at once with it."""
    before = 0
    while events.height:
        now = events["loan_id"].is_first_distinct()
        # what forbids it seldom ends while they are taken: it is asked ever more rarely
        if not now.all() and before & (before + 1) == 0:
            now |= poured_at_once(day, events)
        yield events.filter(now)
        events, before = events.filter(~now), before + 1


@cache
def handler_of(kind: Kind) -> Handler:
    """The function that takes a kind of event: a day, and its events of the kind, one a loan."""
    found: Handler = resolve_name(f"loanbook.core.servicing.{ROW[kind].handler}")
    return found
