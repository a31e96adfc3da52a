"""Days of the small book closed by a setting of loanbook.toml, and every row that they store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from loanbook.core.servicing.laws.setting_apart import Close
from loanbook.core.store.grouped.tables import TABLES
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.publishing import DayReport
from tests.pipelines.sharding import faults

STORED = (*TABLES, "dues", "transfers", "allocations", "account_balances", "loans", "schedules",
          "changed_terms", "restated_loans", "risk_events", "held_loans", "versions", "checks", "publications")  # fmt: skip

_OF_A_RUN = (
    "run_id",
    "committed_at",
    "settled_at",
    "seconds",
    "recorded_at",
    "sequence",
    "corrects",
)
"""Columns that two runs, or two ways to cut a book, fill otherwise."""


def close_in(
    ledger: Ledger,
    toml: str,
    engine: Close = faults.bent,
    days: int = 3,
    stage: Callable[[str, dt.date], None] = lambda name, date: None,
) -> list[DayReport]:
    """Close the first days that landed by `[close]` of loanbook.toml."""
    (ledger.settings.home / "loanbook.toml").write_text(f"[close]\nfrom_loans = 0\n{toml}\n")
    policies = ledger.register(read_policies())
    by, wanted = provenance(policies), missing_days(ledger)[:days]
    return list(close_days(ledger, policies, wanted, by, close=engine, stage=stage))


def stored(ledger: Ledger) -> dict[str, pl.DataFrame]:
    """Every row of what closes store, but what differs between two runs."""
    found = {}
    for table in STORED:
        rows = ledger.frame(f"SELECT * EXCLUDE (version) FROM {{lake}}.{table}")
        rows = rows.drop(*_OF_A_RUN, strict=False)
        if table == "checks":
            rows = rows.filter(pl.col("name") != "shards_add_up")
        found[table] = rows.sort(rows.columns)
    return found


def must_equal(ledger: Ledger, one_frame: dict[str, pl.DataFrame]) -> None:
    for table, rows in stored(ledger).items():
        assert rows.equals(one_frame[table]), (table, rows, one_frame[table])
