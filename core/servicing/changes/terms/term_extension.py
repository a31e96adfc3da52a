"""Term extension: so many instalments more."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.loan.posting import DayState


def extend_term(day: DayState, events: pl.DataFrame) -> None:
    """Take longer terms, one a loan."""
    orders = with_payload(events, Kind.term_extended)
    revise(day, orders.select("loan_id", "event_id", "keep", "from_date", more="instalments"))
