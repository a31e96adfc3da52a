"""Mandates as their events make them: what may be debited, from which account, until when.

created (not begun yet) → active ⇄ suspended → revoked or expired, which are final.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.events import OF_A_MANDATE
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.ledger.reversals import effective_events

STATES = ("created", "active", "suspended", "revoked", "expired")
"""What a mandate can be on a date."""
MANDATES = {
    "mandate": pl.String, "loan_id": pl.Int64, "originator": pl.String, "account": pl.String,
    "cap": pl.Int64, "collects": pl.String, "starts": pl.Date, "ends": pl.Date, "payday": pl.Int16,
    "channel": pl.String, "consent": pl.String, "consented_at": pl.String, "signed": pl.Date,
    "currency": pl.Int8, "state": pl.String, "since": pl.Date, "reason": pl.String, "event": pl.String,
}  # fmt: skip
"""A row a mandate: its reference, account (a token), most of a debit (minor units; null: any), what was consented
to; its state, since which day and why; the key of the event that created it."""
_STATE_OF = {
    Kind.mandate_created.value: "active", Kind.mandate_suspended.value: "suspended",
    Kind.mandate_resumed.value: "active", Kind.mandate_revoked.value: "revoked",
}  # fmt: skip


def mandates_on(events: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """Mandates (schema `MANDATES`) at the end of a date, by the events of their loans (schema `Events`)
    that are valued by then; in order of loan and reference.

    Use is not looked at: one that serves once and was used, or was left idle, has expired by `with_use`.
    """
    codes = [kind.value for kind in OF_A_MANDATE]
    stand = effective_events(events).filter(
        pl.col("kind").is_in(codes) & (pl.col("value_date") <= on)
    )
    if stand.is_empty():
        return pl.DataFrame(schema=MANDATES)
    each = _kept(_orders(stand))
    return _with_states(each, on).select(MANDATES.keys()).cast(MANDATES).sort("loan_id", "mandate")  # type: ignore[arg-type]


def _orders(stand: pl.DataFrame) -> pl.DataFrame:
    """Events of mandates with what they say, by the mandate (`event`) and in their order."""
    told = pl.concat(
        [
            with_payload(stand.filter(pl.col("kind") == kind.value), kind)
            for kind in OF_A_MANDATE
            if (stand["kind"] == kind.value).any()
        ],
        how="diagonal",
    )
    wanted = {**MANDATES, "of": pl.String}
    lacking = {n: pl.lit(None, dtype=t) for n, t in wanted.items() if n not in told.columns}
    states = pl.col("kind").replace_strict(_STATE_OF, default=None, return_dtype=pl.String)
    return (
        told.with_columns(**lacking)
        .with_columns(
            event=pl.coalesce("of", "idempotency_key"), state=states, cap="amount",
            _created=pl.col("kind") == Kind.mandate_created.value,
        )
        .sort("event", "value_date", "_created", "event_id", descending=[False, False, True, False])
    )  # fmt: skip


def _kept(orders: pl.DataFrame) -> pl.DataFrame:
    """A row a mandate: what was said of it last, or once for all; and when it was revoked first."""

    def last(name: str) -> pl.Expr:
        return pl.col(name).drop_nulls().last()

    revoked = orders.filter(pl.col("state") == "revoked").group_by("event").agg(
        _revoked=pl.col("value_date").min(), _why=pl.col("reason").first()
    )  # fmt: skip
    first = ["loan_id", "originator", "collects", "starts", "channel", "consent", "consented_at", "currency"]  # fmt: skip
    stated = pl.col("state").is_not_null()
    each = orders.group_by("event", maintain_order=True).agg(
        *(last(name) for name in ("account", "cap", "ends", "payday")),
        *(pl.col(name).filter("_created").first() for name in first),
        mandate=pl.col("source_ref").filter("_created").first(),
        begun=pl.col("_created").any(),
        state=last("state"),
        since=pl.col("value_date").filter(stated).last(),
        reason=pl.col("reason").filter(stated).last(),
    )
    signed = pl.col("consented_at").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    kept = each.filter("begun").with_columns(signed=signed)
    return kept.join(revoked, on="event", how="left", maintain_order="left")


def _with_states(each: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """With the state at the end of a date, since when and why."""
    ended, gone = (pl.col("ends") < on).fill_null(False), pl.col("_revoked").is_not_null()
    active, early = pl.col("state") == "active", pl.col("starts") > on
    return each.with_columns(
        state=pl.when(gone).then(pl.lit("revoked"))
        .when(ended).then(pl.lit("expired"))
        .when(active & early).then(pl.lit("created")).otherwise("state"),
        since=pl.when(gone).then("_revoked")
        .when(ended).then(pl.col("ends").dt.offset_by("1d"))
        .when(active & ~early).then(pl.max_horizontal("since", "starts")).otherwise("since"),
        reason=pl.when(gone).then("_why").otherwise("reason"),
    )  # fmt: skip


def with_use(
    mandates: pl.DataFrame, used: pl.DataFrame, idle_months: dict[str, int], on: dt.date
) -> pl.DataFrame:
    """Mandates that live, expired where they serve once and were used, or were left idle too long.

    `used`: `mandate`, `last_used` (Date) of those by which something was asked for that stands.
    `idle_months`: by originator; the months count from the last use, or else from the signature.
    """
    told = mandates.join(used, on="mandate", how="left", maintain_order="left")
    months = pl.col("originator").replace_strict(idle_months, default=None, return_dtype=pl.Int64)
    until = pl.coalesce("last_used", "signed").dt.offset_by(pl.format("{}mo", months))
    once = (pl.col("collects") == "once") & pl.col("last_used").is_not_null()
    over = (once | (until < on).fill_null(False)) & pl.col("state").is_in(["created", "active", "suspended"])  # fmt: skip
    since = pl.when(once).then("last_used").otherwise(until.dt.offset_by("1d"))
    return told.with_columns(
        state=pl.when(over).then(pl.lit("expired")).otherwise("state"),
        since=pl.when(over).then(since).otherwise("since"),
        reason=pl.when(over).then(pl.when(once).then(pl.lit("used")).otherwise(pl.lit("idle")))
        .otherwise("reason"),
    ).drop("last_used")  # fmt: skip
