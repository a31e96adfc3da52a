"""Change of the due date: the next instalment falls due then, those after it follow."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.loan.posting import DayState


def move_due_date(day: DayState, events: pl.DataFrame) -> None:
    """Take new due dates, one a loan."""
    orders = with_payload(events, Kind.due_date_moved)
    revise(day, orders.select("loan_id", "event_id", "keep", "from_date", moved_to="due_date"))
