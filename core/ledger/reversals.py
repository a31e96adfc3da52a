"""Events that stand, and those that reversals took back."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, Kind


def reverses(events: pl.DataFrame) -> pl.Series:
    """Idempotency keys of the events that the reversals among `events` take back."""
    payloads = events.filter(pl.col("kind") == Kind.reversal)["payload"]
    return payloads.str.json_path_match("$.reverses")


def effective_events(events: pl.DataFrame) -> pl.DataFrame:
    """Events that stand: neither taken back by a reversal nor reversals themselves.

    A reversal that was taken back itself takes nothing back. Of a loan that was withdrawn the money
    stands that came for it, and nothing else.
    """
    withdrawn = events.filter(pl.col("kind") == Kind.boarding_withdrawn)["loan_id"]
    if withdrawn.len():
        theirs = pl.col("loan_id").is_in(withdrawn.implode())
        money = pl.col("kind").is_in([kind.value for kind in (*MONEY_IN, Kind.reversal)])
        events = events.filter(~theirs | money)
    undone = reverses(events)
    lifted = events.filter(
        (pl.col("kind") == Kind.reversal) & pl.col("idempotency_key").is_in(undone.implode())
    )
    if lifted.height:
        events = events.filter(~pl.col("event_id").is_in(lifted["event_id"].implode()))
        undone = reverses(events)
    gone = pl.col("idempotency_key").is_in(undone.implode()) & (pl.col("kind") != Kind.reversal)
    return events.filter(~gone & (pl.col("kind") != Kind.reversal))


def reversed_by(events: pl.DataFrame) -> pl.DataFrame:
    """Events that do not stand, with the reversal's `booked` (Date), `by`, `checked` and `why`."""
    gone = events.filter(
        (pl.col("kind") != Kind.reversal)
        & ~pl.col("event_id").is_in(effective_events(events)["event_id"].implode())
    )
    back = events.filter(pl.col("kind") == Kind.reversal).select(
        idempotency_key=pl.col("payload").str.json_path_match("$.reverses"),
        booked="booking_date", by="actor", checked="checker", why="reason",
    )  # fmt: skip
    return gone.join(back, on="idempotency_key", how="left")
