"""Strategies against each other over a period, from the ledger."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.collections.performance import WORKED, by_strategy
from loanbook.core.collections.promises import money_of
from loanbook.core.collections.queue import with_teams
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.known import promises as stored
from loanbook.core.store.known.queue import WORKED as CONTACTS
from loanbook.pipelines.collections.promised import promises_by
from loanbook.pipelines.collections.queued import late_by, queue_rules

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Known
    from loanbook.core.store.reader import LedgerReader


def compared(
    reader: LedgerReader,
    policies: PolicyBook,
    first: dt.date,
    last: dt.date,
    known_at: Known = None,
) -> pl.DataFrame:
    """What came of the loans of the queue of one date by the end of another, by strategy (`by_strategy`)."""
    if first >= last:
        raise LoanbookError(f"{first} is not before {last}")
    begins, ends = reader.clocks(first, known_at), reader.clocks(last, known_at)
    queue = queue_rules(policies, first)
    loans = with_teams(late_by(reader, policies, begins, queue.from_days_past_due), queue)
    day_after = first + dt.timedelta(days=1)
    since = {"on": last, "booked": ends.booked, "first": day_after}
    money = money_of(reader.lake().beside(stored.MONEY, since, _promised=loans.select("loan_id")))
    made = promises_by(reader, policies, ends).filter(pl.col("promised_on") >= day_after)
    worked = reader.query(CONTACTS, {"first": day_after, "last": last, "booked": ends.booked})
    return by_strategy(
        loans, money.filter(pl.col("value_date") >= day_after), made, worked.cast(WORKED)
    )
