"""Rate reset: the rate of a floating loan follows its index from the value date on."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.interest.index_rates import rate
from loanbook.core.servicing.loan.posting import DayState


def reset_rate(day: DayState, events: pl.DataFrame) -> None:
    """Take resets, one a loan: the rate that the index value makes, as the product bounds it."""
    resets = with_payload(events, Kind.rate_reset).select("loan_id", "event_id", "index_ppb")
    kept = pl.when("resets_keep_instalment").then(pl.lit("instalment")).otherwise(pl.lit("term"))
    loans = day.loans.join(resets, on="loan_id", maintain_order="left")
    revise(day, loans.select("loan_id", "event_id", new_rate=rate(), keep=kept))
