"""Small balances: what a product does not go after once the last instalment is past."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.servicing.endings.write_off import give_up
from loanbook.core.servicing.loan.claim import claim
from loanbook.core.servicing.loan.posting import DayState


def write_off_small_balances(day: DayState) -> None:
    """Claims of no more than the product's small balance, after the last instalment, by rule."""
    small = (
        (pl.col("small_balance") > 0)
        & (pl.col("status") == Status.active.value)
        & (pl.col("instalment_no") > pl.col("instalments"))
        & (claim() > 0)
        & (claim() <= pl.col("small_balance"))
    )
    found = day.loans.select("loan_id", small=small).filter("small")["loan_id"]
    if found.len():
        events = pl.select(found, event_id=pl.lit(0, dtype=pl.Int64))
        give_up(day, events, Status.settled)
