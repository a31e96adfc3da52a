"""What came of collections work over a period, in one currency: promises, contacts, agents and strategies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.collections.performance import MADE, by_agent, by_channel
from loanbook.core.collections.promises import rates
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.known import queue as stored
from loanbook.core.store.known import reminders as reminded
from loanbook.pipelines.collections.compared import compared
from loanbook.pipelines.collections.promised import promises_by

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader


@dataclass(frozen=True)
class Performance:
    """What came of the work from one date to another, both counted; amounts in minor units of one currency."""

    first: dt.date
    last: dt.date
    channels: pl.DataFrame
    """`loanbook.core.collections.performance.by_channel`."""
    agents: pl.DataFrame
    """`loanbook.core.collections.performance.by_agent`, of promises that were made in the period."""
    promises: pl.DataFrame
    """`loanbook.core.collections.promises.rates` of promised payments due in the period, by `month`."""
    reminders: pl.DataFrame
    """By step: `reminders`, `sent`, `suppressed`, `other` (failed, unsure), and the reason that suppressed most."""
    strategies: pl.DataFrame | None
    """`loanbook.core.collections.performance.by_strategy` of the queue of the day before; None: nothing was published then."""


def performed(
    reader: LedgerReader,
    policies: PolicyBook,
    at: Clocks,
    first: dt.date,
    currency: tuple[int, str],
) -> Performance:
    """What came of the work from a date on to the clocks' own, in a currency (its code and name), as they are known."""
    code, name = currency
    asked = {"first": first, "last": at.on, "booked": at.booked, "currency": code}
    made = reader.query(stored.MADE, asked).select(MADE.names()).cast(MADE)
    verdicts = promises_by(reader, policies, at)
    ours = reader.query("SELECT loan_id FROM loan_keys WHERE currency = $currency", {"currency": code})  # fmt: skip
    mine = verdicts.join(ours, on="loan_id", how="semi")
    due = mine.filter(pl.col("due_date").is_between(first, at.on))
    months = rates(due.with_columns(month=pl.col("due_date").dt.month_start()), "month")
    given = mine.filter(pl.col("promised_on").is_between(first, at.on))
    return Performance(
        first, at.on, by_channel(made), by_agent(made, given), months,
        reader.query(reminded.COUNTED, {"first": first, "last": at.on, "currency": code}),
        _strategies(reader, policies, at, first, name),
    )  # fmt: skip


def _strategies(
    reader: LedgerReader, policies: PolicyBook, at: Clocks, first: dt.date, currency: str
) -> pl.DataFrame | None:
    known = None if at.is_now else at.known
    begins, _ = reader.published_range()
    before = first - dt.timedelta(days=1)
    if begins is None or before < begins:
        before = begins or first
    if before >= at.on:
        return None
    try:
        rows = compared(reader, policies, before, at.on, known)
    except LoanbookError:  # no version answers for the first date by then
        return None
    return rows.filter(pl.col("currency") == currency)
