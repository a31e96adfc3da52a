"""Events back to states: what a subscriber keeps who has read some of them, from the first on."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.risk_events.catalogue import RISK_EVENTS


def fold(events: pl.DataFrame, on: dt.date | None = None) -> pl.DataFrame:
    """`loan_id` and the states of all types (Int32) of every loan that ever was in the book, ended ones too, at the end of `on`.

    `events`: `loan_id`, `business_date`, `kind`, `now`, `sequence`. Of a loan and a type the event of the latest date
    holds, and of a date the last that was said of it.
    """
    rows = events if on is None else events.filter(pl.col("business_date") <= on)
    held = (
        rows.sort("business_date", "sequence")
        .group_by("loan_id")
        .agg(
            pl.col("now")
            .filter(pl.col("kind") == each.code)
            .last()
            .fill_null(pl.lit(each.default, pl.Int32))
            .alias(each.column)
            for each in RISK_EVENTS
        )
    )
    return (
        held.filter(pl.col("status").is_not_null())
        .select("loan_id", *(each.column for each in RISK_EVENTS))
        .sort("loan_id")
    )
