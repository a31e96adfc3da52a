"""Interest refunds: each on a refund that it names, in the amount that is told or worked out."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import REFUNDS, Kind
from loanbook.core.ledger.events import as_kept
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.replay.interest_refunds import interest_on_refunds
from loanbook.pipelines.formats.table import Bad
from loanbook.pipelines.ingest.events import Known, refused
from loanbook.pipelines.ingest.orders.targets import about


def on_refunds(rows: pl.DataFrame, known_events: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Orders with the refund that interest refunds name in their payload (`of`, its key).

    Those that name none, or one whose interest was refunded before, are refused. `rows` and
    `known_events` as `judging.lawful` has them.
    """
    interest_refunds = rows.filter(pl.col("kind") == Kind.interest_refunded.value)
    if interest_refunds.is_empty():
        return rows, []
    undone = known_events["reverses"].drop_nulls()
    effective = known_events.filter(~pl.col("idempotency_key").is_in(undone.implode()))
    found = about(interest_refunds, pl.concat([effective, rows], how="diagonal"), REFUNDS).rename(
        {"key": "of"}
    )
    found = found.unique("line", keep="first", maintain_order=True)
    before = effective.filter(pl.col("refunded").is_not_null()).select(
        of="refunded", by="idempotency_key"
    )
    named = interest_refunds.join(
        found.select("line", "of"), on="line", how="left", maintain_order="left"
    )
    again = named.join(before, on="of").filter(pl.col("by") != pl.col("idempotency_key"))["line"]
    again = pl.concat([again, named.filter(~pl.col("of").is_first_distinct())["line"]])
    is_again = pl.col("line").is_in(again.implode())
    bad = refused(named.filter(pl.col("of").is_null()), "unknown_target", "command_ref")
    bad += refused(
        named.filter(pl.col("of").is_not_null() & is_again), "interest_was_refunded", "command_ref"
    )
    lines = pl.Series([b["line"] for b in bad], dtype=pl.Int64)
    kept = rows.filter(~pl.col("line").is_in(lines.implode())).join(
        found.select("line", told=pl.struct("of").struct.json_encode()),
        on="line", how="left", maintain_order="left",
    )  # fmt: skip
    return kept.with_columns(payload=pl.coalesce("told", "payload")).drop("told"), bad


def worked_out(
    events: pl.DataFrame, entered: pl.DataFrame | None, known: Known, policies: PolicyBook
) -> tuple[pl.DataFrame, Bad]:
    """Fresh interest refunds with the amounts that their orders left open.

    `entered`: events that the same file gave so far. Those on whose refund there is no interest are
    refused.
    """
    open_ = events.filter(pl.col("amount").is_null())
    if open_.is_empty():
        return events, []
    sources = [known.told(open_["loan_id"]), *([] if entered is None else [as_kept(entered)])]
    is_refunded = pl.col("loan_id").is_in(open_["loan_id"].implode())
    every = pl.concat(sources).filter(is_refunded)
    every = every.unique("idempotency_key", maintain_order=True).with_columns(
        event_id=pl.int_range(1, pl.len() + 1)
    )
    refund = open_.select(
        own="idempotency_key", idempotency_key=pl.col("payload").str.json_path_match("$.of")
    ).join(every.select("idempotency_key", "event_id"), on="idempotency_key")
    interest = refund.join(
        interest_on_refunds(every, policies, refund["event_id"]), on="event_id"
    ).select("interest", idempotency_key="own")
    filled = events.join(
        interest, on="idempotency_key", how="left", maintain_order="left"
    ).with_columns(amount=pl.coalesce("amount", "interest"))
    none = filled.filter(pl.col("amount").fill_null(0) == 0)
    bad = refused(none, "no_interest_to_refund", "source_ref")
    return filled.filter(pl.col("amount") > 0).select(events.columns), bad
