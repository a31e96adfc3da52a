"""Notices of borrowers that stand: what came to be known since the day before, and what stands then.

A notice is told on the day on which it becomes known, whenever it was given: no day before is told anew.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.risk_events.catalogue import BY_COLUMN, ENDED_BY, STANDING_NOTICES, Cause
from loanbook.core.risk_events.changes import CHANGES

NOTICES = {
    "loan_id": pl.Int64, "stated_at": pl.Datetime("us"), "reference": pl.String, "kind": pl.String, "known_on": pl.Date,
    "recorded_at": pl.Datetime("us"),
}  # fmt: skip
"""Schema of notices as they were taken in; `known_on`: the date of the file that told it."""


def notice_changes(notices: pl.DataFrame, on: dt.date, since: dt.datetime | None) -> pl.DataFrame:
    """What of `NOTICES` changed which stand (`CHANGES`): those known on a date, and those known before that were taken in
    after `since`, when the day before was told; None: nothing was."""
    known = notices.filter(pl.col("known_on") <= on)
    fresh = pl.col("known_on") == on
    if since is not None:
        fresh = fresh | (pl.col("recorded_at") > since)
    loans = known.filter(fresh).select("loan_id").unique()
    if loans.is_empty():
        return pl.DataFrame(schema=CHANGES)
    theirs = known.join(loans, on="loan_id", how="semi")
    both = loans.join(_bits(theirs.filter(~fresh), "before"), on="loan_id", how="left").join(
        _bits(theirs, "now"), on="loan_id", how="left"
    )  # fmt: skip
    found = both.with_columns(pl.col("before", "now").fill_null(0)).filter(
        pl.col("before") != pl.col("now")
    )
    named = found.with_columns(
        business_date=pl.lit(on), kind=pl.lit(BY_COLUMN["notices"].code), cause=pl.lit(Cause.notice.value),
        event_ids=pl.lit(None, pl.String),
    )  # fmt: skip
    return named.select(pl.col(name).cast(kind) for name, kind in CHANGES.items()).sort("loan_id")


def _bits(notices: pl.DataFrame, name: str) -> pl.DataFrame:
    """Which notices of each loan stand, as bits: of each that ends another the last one given says so."""
    begins = {kind: bit for bit, kind in STANDING_NOTICES.items()}
    ends = {ENDED_BY[kind]: bit for bit, kind in STANDING_NOTICES.items()}
    last = (
        notices.filter(pl.col("kind").is_in([*begins, *ends]))
        .with_columns(bit=pl.col("kind").replace_strict(begins | ends, return_dtype=pl.Int32))
        .sort("stated_at", "reference")
        .group_by("loan_id", "bit")
        .last()
    )
    stand = last.filter(pl.col("kind").is_in(list(begins)))
    return stand.group_by("loan_id").agg(pl.col("bit").sum().alias(name))
