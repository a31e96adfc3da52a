"""A day's risk events of a large book of which some are late: decided, and written as a commit writes them."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from bench.book import DAY, book, payments
from bench.clock import timed
from loanbook.core.policy.book import PolicyBook
from loanbook.core.risk_events.changes import changes
from loanbook.core.risk_events.restating import CORRECTED
from loanbook.core.servicing.arrears.days_past_due import bucket
from loanbook.core.servicing.day.close import close
from loanbook.core.servicing.loan.book import Book
from loanbook.core.store.closing.risk_events import outbox_rows
from loanbook.core.store.lake import insert, transaction
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger

LATE = 60_000
LONGEST = 150
"""Days that the latest loan is past due."""


def risk_events(loans: int, policies: PolicyBook) -> dict[str, Any]:
    """Seconds of the close, of its changes and of writing them; `LATE` loans are late, and one in fifty of them pays all
    that day."""
    before = book(loans, policies)
    done = close(before, payments(before, DAY, seed=1), policies, DAY)
    eve, day = _late(before, policies, loans, DAY - dt.timedelta(days=1), 0), _late(done.book, policies, loans, DAY, 1)  # fmt: skip
    bent = replace(done, book=day)
    found = changes(eve, bent)
    home = Path(tempfile.mkdtemp(prefix="loanbook-bench-"))
    try:
        ledger = Ledger(Settings(home=home))
        rows = outbox_rows(pl.DataFrame(schema=CORRECTED), found, (1, 0)).with_columns(
            version=pl.lit(1, pl.Int64)
        )

        def write() -> None:
            with transaction(ledger.connection):
                insert(ledger.connection, "risk_events", rows)

        return {
            "loans": loans, "late": int((day.positions["days_past_due"] > 0).sum()), "events": found.height,
            "close": timed(lambda: close(before, payments(before, DAY, seed=1), policies, DAY), 5, warm=1),
            "changes": timed(lambda: changes(eve, bent), 5, warm=1), "write": timed(write, 3, warm=1),
            "bytes_an_event": _bytes(ledger) / (4 * max(found.height, 1)),
        }  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _late(of: Book, policies: PolicyBook, loans: int, on: dt.date, later: int) -> Book:
    """The book with some loans late, each by a number of days of its own and `later` ones."""
    nth = max(loans // LATE, 1)
    late = pl.col("loan_id") % nth == 0
    paid = (pl.col("loan_id") // nth % 50 == 0) & pl.lit(later > 0)
    days = (pl.col("loan_id") // nth % LONGEST + 1 + later).cast(pl.Int32)
    buckets = policies.buckets("default", DAY)
    counted = pl.when(late & ~paid).then(days).when(late).then(0).otherwise("days_past_due")
    positions = of.positions.with_columns(days_past_due=counted.cast(pl.Int32)).with_columns(
        bucket=bucket(pl.col("days_past_due"), buckets),
        oldest_due_date=pl.when(pl.col("days_past_due") > 0).then(pl.lit(on) - pl.duration(days="days_past_due")),
    )  # fmt: skip
    return replace(of, positions=positions)


def _bytes(ledger: Ledger) -> int:
    return sum(f.stat().st_size for f in ledger.settings.data.rglob("*.parquet"))
