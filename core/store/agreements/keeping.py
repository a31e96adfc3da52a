"""Rows that are added once, in one transaction, and refused where they contradict what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from loanbook.core.store.lake import insert, patiently, transaction, utc_now
from loanbook.core.store.queries import Queries

SEALED = "payment_accounts"
"""Accounts that are paid to, sealed, by their token."""


def keep(
    ledger: Queries,
    rows: Mapping[str, pl.DataFrame],
    judged: Callable[[], bool] = lambda: True,
) -> bool:
    """Add rows to tables in one transaction, if `judged`, asked within it, says so; whether they were added.

    What `judged` raises ends the transaction: nothing is kept.
    """
    now = utc_now()

    def add() -> bool:
        with transaction(ledger.connection):
            if not judged():
                return False
            for table, frame in rows.items():
                if frame.height:
                    stamps = {"recorded_at": pl.lit(now).cast(pl.Datetime("us"))}
                    if table == SEALED:
                        stamps["file_id"] = pl.lit("")
                    insert(ledger.connection, table, frame.with_columns(**stamps))
            return True

    return patiently(add)
