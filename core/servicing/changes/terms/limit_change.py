"""Change of the limit of a line of credit, from the value date on."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.loan.posting import DayState


def change_limit(day: DayState, events: pl.DataFrame) -> None:
    """Take limits, one a loan; what is owed beyond it the next statement asks."""
    orders = events.select("loan_id", "event_id", limit="amount")
    limits = orders.select("loan_id", "limit")
    ordered = day.loans.join(limits, on="loan_id", how="left", maintain_order="left")
    day.loans = ordered.with_columns(
        principal_agreed=pl.coalesce("limit", "principal_agreed")
    ).drop("limit")
    day.changed.append(orders.select("loan_id", "event_id"))
