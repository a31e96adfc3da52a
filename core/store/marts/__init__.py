"""Marts: aggregates for reading, one file each.

A new one is its file and its row in `MARTS`: its table is made when it is first refreshed, every
close and `loanbook marts` refresh it, Dagster has an asset of it, readers, pages and the reference
show it.
"""

from __future__ import annotations

from loanbook.core.store.marts import (
    cash_flow,
    collections,
    outcomes,
    portfolio_daily,
    recoveries,
    roll,
    state,
)
from loanbook.core.store.marts.filling import fill
from loanbook.core.store.marts.portfolio_daily import GROUPED, PORTFOLIO_ON
from loanbook.core.store.queries import Queries

__all__ = ["BY_NAME", "GROUPED", "MARTS", "NAMES", "PORTFOLIO_ON", "refresh_marts"]

MARTS = (
    portfolio_daily.MART, state.MART, roll.MART, collections.MART, cash_flow.MART, outcomes.MART,
    recoveries.MART,
)  # fmt: skip
"""Every mart."""
NAMES = tuple(mart.name for mart in MARTS)
"""Names of their tables, which are those of the readers' views."""
BY_NAME = {mart.name: mart for mart in MARTS}


def refresh_marts(ledger: Queries) -> dict[str, int]:
    """Fill every mart with what it lacks of published versions; the rows added, by mart.

    What was published by a run that died before it came here is found as well. Safe to repeat.
    """
    return fill(ledger, MARTS)
