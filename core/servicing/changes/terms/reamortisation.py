"""Re-amortisation: arrears and what is to come are spread anew over the instalments left.

After the last instalment there is nothing to spread them over, and they stay due. A re-age
(`loanbook.core.servicing.changes.reage`) makes instalments of its own.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.roll_in_arrears import roll_in, split_interest
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.loan.posting import DayState


def reamortise(day: DayState, events: pl.DataFrame) -> None:
    """Take re-amortisations, one a loan."""
    orders = with_payload(events, Kind.reamortised)
    running = day.loans.filter(pl.col("instalment_no") <= pl.col("instalments"))["loan_id"]
    spread = orders.filter(pl.col("loan_id").is_in(running.implode()))
    lifted, in_parts = split_interest(day, orders, roll_in(day, spread))
    revise(day, orders.select("loan_id", "event_id", "keep", "from_date"), lifted, in_parts)
