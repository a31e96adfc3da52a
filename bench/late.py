"""The queue and the promises of a book's late loans, from stored rows to lists, beside that book's day."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from bench.book import balances, book
from bench.clock import timed
from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.store.lake import insert, transaction
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.collections.promised import promises_by
from loanbook.pipelines.collections.queued import queue_by
from loanbook.pipelines.resources import read_policies

SHARE = 0.06
"""Loans that are late."""


def late(loans: int) -> dict[str, Any]:
    """Seconds of the queue and of all promises, of a book of which `SHARE` is late: each late loan with a contact, half of
    them with a promise of two payments, a tenth with a notice."""
    from bench.__main__ import _store  # late: that module asks for this one

    home = Path(tempfile.mkdtemp(prefix="loanbook-late-"))
    try:
        with Ledger(Settings(home=home)) as ledger:
            policies = ledger.register(read_policies())
            eve = book(loans, policies)
            ids = eve.positions["loan_id"].gather_every(int(1 / SHARE))
            days = 1 + (pl.col("loan_id") * 7_919) % 90
            is_late = pl.col("loan_id").is_in(ids.implode())
            owed = pl.when(is_late).then(1_000 + pl.col("loan_id") % 50_000)
            positions = eve.positions.with_columns(
                days_past_due=pl.when(is_late).then(days).otherwise(0).cast(eve.positions.schema["days_past_due"]),
                principal_due=owed.otherwise(pl.col("principal_due")),
            )  # fmt: skip
            _store(ledger, replace(eve, positions=positions), balances(eve))
            _written(ledger, eve.terms, ids)
        reader = LedgerReader(Settings(home=home))
        at = reader.clocks()
        made = promises_by(reader, policies, at)
        found = queue_by(reader, policies, at)
        return {
            "loans": loans, "late": ids.len(), "promised": made.height, "queued": found.height,
            "listed": found.filter(pl.col("state") == "assigned").height,
            "promises_seconds": timed(lambda: promises_by(reader, policies, at)),
            "queue_seconds": timed(lambda: queue_by(reader, policies, at)),
        }  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _written(ledger: Ledger, terms: pl.DataFrame, ids: pl.Series) -> None:
    """Keys of all loans, and contacts, promises, notices and payments of the late ones."""
    date = ledger.frame("SELECT max(business_date) FROM {lake}.versions").item()
    keys = terms.select(
        "loan_id", "product", loan_key=pl.lit("L") + pl.col("loan_id").cast(pl.String), entity=pl.lit(0, dtype=pl.Int16),
        currency=pl.lit(CURRENCY_CODES["USD"], dtype=pl.Int8), boards_on=pl.lit(date), line=pl.lit(1, dtype=pl.Int64),
        file_id=pl.lit("bench"),
    )  # fmt: skip
    rows = keys.join(ids.to_frame("loan_id"), on="loan_id", how="semi")
    at = dt.datetime.combine(date - dt.timedelta(days=5), dt.time(15))
    told = rows.with_row_index("n").with_columns(
        at=pl.lit(at), agent=pl.lit("agent-") + (1 + pl.col("n") % 5).cast(pl.String), known_on=pl.lit(date)
    )  # fmt: skip
    contacts = told.select(
        "loan_id", "loan_key", "agent", "known_on", contact_id=pl.lit("c") + pl.col("loan_key"), occurred_at="at",
        occurred_text=pl.lit(at.isoformat() + "Z"), channel=pl.lit("call"), direction=pl.lit("out"),
        outcome=pl.lit("no_answer"), right_party=pl.col("n") % 3 == 0, place=pl.lit(""), zone=pl.lit("America/Denver"),
    )  # fmt: skip
    promises = pl.concat([
        told.filter(pl.col("n") % 2 == 0).select(
            "loan_id", "loan_key", "agent", "known_on", promise_id=pl.lit(f"p{part}-") + pl.col("loan_key"), promised_at="at",
            promised_on=pl.lit(at.date()), due_date=pl.lit(at.date() + dt.timedelta(days=part)), amount=pl.lit(5_000),
        )
        for part in (1, 20)
    ])  # fmt: skip
    notices = told.filter(pl.col("n") % 10 == 0).select(
        "loan_id", "loan_key", "agent", "known_on", notice_id=pl.lit("n") + pl.col("loan_key"), stated_at="at",
        kind=pl.lit("attorney"), written=pl.lit(True), reason=pl.lit(""),
    )  # fmt: skip
    paid = told.filter(pl.col("n") % 4 == 0).select(
        "loan_id", event_id="n", kind=pl.lit(Kind.payment_received.value), value_date=pl.lit(at.date()),
        booking_date=pl.lit(date), amount=pl.lit(4_000, dtype=pl.Int64), currency=pl.lit(CURRENCY_CODES["USD"]),
        idempotency_key=pl.lit("k") + pl.col("loan_key"), source_ref="loan_key", payload=pl.lit("{}"),
    )  # fmt: skip
    with transaction(ledger.connection):
        insert(ledger.connection, "loan_keys", keys)
        insert(ledger.connection, "events", paid)
        insert(ledger.connection, "contacts", contacts)
        insert(ledger.connection, "promises", promises)
        insert(ledger.connection, "notices", notices)
