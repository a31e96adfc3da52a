"""Rate change: another yearly rate from the value date on; nights before it keep theirs."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.loan.posting import DayState


def change_rate(day: DayState, events: pl.DataFrame) -> None:
    """Take new rates, one a loan."""
    orders = with_payload(events, Kind.rate_changed)
    revise(day, orders.select("loan_id", "event_id", "keep", "from_date", new_rate="rate_ppb"))
