"""Marts: aggregates for reading, one file each.

A new one is its file and its row in `MARTS`: its table is made when it is first refreshed, every
close and `loanbook marts` refresh it, Dagster has an asset of it, readers, pages and the reference
show it.
"""

from __future__ import annotations

from loanbook.core.store.marts import portfolio_daily
from loanbook.core.store.marts.mart import TOLD
from loanbook.core.store.marts.portfolio_daily import GROUPED, PORTFOLIO_ON
from loanbook.core.store.queries import Queries

__all__ = ["GROUPED", "MARTS", "NAMES", "PORTFOLIO_ON", "TOLD", "refresh_marts"]

MARTS = (portfolio_daily.MART,)
"""Every mart."""
NAMES = tuple(mart.name for mart in MARTS)
"""Names of their tables, which are those of the readers' views."""


def refresh_marts(ledger: Queries) -> dict[str, int]:
    """Fill every mart with what it lacks of published versions; the rows added, by mart.

    What was published by a run that died before it came here is found as well. Safe to repeat.
    """
    return {mart.name: mart.refresh(ledger) for mart in MARTS}
