"""Events of cases as the ledger holds them: what a case does not tell is filled in."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind
from loanbook.core.contract.boarding import payload
from loanbook.core.ledger.events import EVENT_COLUMNS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.steps import run_day
from loanbook.core.servicing.replay.fast_forward import Prepare, Visit

TOLD = {
    "event_id": pl.Int64, "kind": pl.Int8, "loan_id": pl.Int64, "value_date": pl.Date,
    "amount": pl.Int64, "source_ref": pl.String, "payload": pl.String,
}  # fmt: skip
"""Schema of what is told of loans: ids are above 0."""
_NOW = dt.datetime(2024, 1, 1)


def filled(boarded: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """`EVENT_COLUMNS` of the boarding of loans (schema `Terms`) and of what is told of them (`TOLD`)."""
    board = boarded.select(
        event_id=-pl.col("loan_id"), kind=pl.lit(Kind.loan_boarded.value, dtype=pl.Int8),
        loan_id="loan_id", value_date="disbursed_on", amount=pl.lit(None, dtype=pl.Int64),
        source_ref=pl.lit(""), payload=payload(boarded),
    )  # fmt: skip
    return pl.concat([board, told]).with_columns(
        booking_date="value_date", currency=pl.lit(0, dtype=pl.Int8), source_system=pl.lit("case"),
        idempotency_key=pl.col("event_id").cast(pl.String), body_hash=pl.lit(""),
        state=pl.lit(EventState.accepted.value, dtype=pl.Int8), file_id=pl.lit(""),
        line=pl.lit(0, dtype=pl.Int64), actor=pl.lit("case"), checker=pl.lit(None, dtype=pl.String),
        reason=pl.lit(None, dtype=pl.String), correlation_id=pl.lit(""),
        recorded_at=pl.lit(_NOW).cast(pl.Datetime("us")),
    ).select(EVENT_COLUMNS)  # fmt: skip


def what_is_due(policies: PolicyBook) -> Prepare:
    """For `jump`: receipts without an amount pay what is due."""
    unknown = (pl.col("kind") == Kind.payment_received.value) & pl.col("amount").is_null()
    versions = policies.buckets_since("default", dt.date(2000, 1, 1))

    def paid(
        wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame, rounds: list[Visit]
    ) -> pl.DataFrame:
        if events.filter(unknown).is_empty():
            return events
        then = run_day(wide, dues, events.filter(~unknown), policies, versions)
        owed = (
            then.dues.filter(pl.col("due_date") <= pl.col("business_date"))
            .group_by("loan_id")
            .agg(owed=(pl.col("amount") - pl.col("paid")).sum())
        )
        return (
            events.join(owed, on="loan_id", how="left", maintain_order="left")
            .with_columns(amount=pl.when(unknown).then("owed").otherwise("amount"))
            .drop("owed")
            .filter((pl.col("kind") != Kind.payment_received.value) | (pl.col("amount") > 0))
        )

    return paid
