"""Marts: aggregates for reading, one file each. A new one is its file, its row in `MARTS` and the
migration that makes its table; closes refresh it and readers see it by this list."""

from __future__ import annotations

from loanbook.core.store.marts import portfolio_daily
from loanbook.core.store.marts.portfolio_daily import GROUPED, PORTFOLIO_ON, refresh_portfolio
from loanbook.core.store.queries import Queries

__all__ = ["GROUPED", "MARTS", "NAMES", "PORTFOLIO_ON", "refresh_marts", "refresh_portfolio"]

MARTS = (portfolio_daily.MART,)
"""Every mart."""
NAMES = tuple(mart.name for mart in MARTS)
"""Names of their tables, which are those of the readers' views."""


def refresh_marts(ledger: Queries) -> dict[str, int]:
    """Fill every mart with what it lacks of published versions; the rows added, by mart.

    What was published by a run that died before it came here is found as well. Safe to repeat.
    """
    return {mart.name: mart.refresh(ledger) for mart in MARTS}
