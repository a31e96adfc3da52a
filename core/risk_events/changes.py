"""Changes of a business date: the risk state before it beside the state after it, each with its cause.

What it costs goes by the loans that are not at rest: late, charged off, flagged, new. All others are looked at once,
by their ids and a few columns.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import ENDED, MONEY_IN
from loanbook.core.risk_events.catalogue import BY_COLUMN, Cause
from loanbook.core.risk_events.state import STATES, at_rest, standing, states
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book

CHANGES = {
    "loan_id": pl.Int64,
    "business_date": pl.Date,
    "kind": pl.Int8,
    "before": pl.Int32,
    "now": pl.Int32,
    "cause": pl.Int8,
    "event_ids": pl.String,
}
"""Schema of changes. `kind`: code of the type; `event_ids`: of what came for the loan and made it, with blanks between."""
KEY = ["loan_id", "business_date", "kind"]
NO_CHANGES = pl.DataFrame(schema=CHANGES)
_BY_DAYS = [BY_COLUMN[name].code for name in ("days_past_due", "bucket", "stage")]
_STATUS, _BUCKET = BY_COLUMN["status"].code, BY_COLUMN["bucket"].code


def changes(before: Book, closed: DayClose, *, opening: bool = False) -> pl.DataFrame:
    """What a close changed (`CHANGES`) of the book that it began with, which is restated where news asked for it.

    `opening`: nothing was ever told of the ledger, so all is told as it stands.
    """
    was, now = standing(before), standing(closed.book)
    if was["status"].is_in(ENDED).any():
        was = was.filter(~pl.col("status").is_in(ENDED))
    stood = was["loan_id"]
    if opening:
        was = was.clear()
    was, now = _moving(was, now, before.closed)
    eve = closed.date - dt.timedelta(days=1)
    both = states(now.with_columns(business_date=pl.lit(closed.date))).join(
        states(was.with_columns(business_date=pl.lit(eve))), on="loan_id", how="left", suffix="_before"
    )  # fmt: skip
    dated = closed.applied.with_columns(business_date=pl.lit(closed.date))
    told = differences(both, came(dated))
    if not opening:
        return told
    opened = pl.col("loan_id").is_in(stood.implode())
    return told.with_columns(
        cause=pl.when(opened).then(Cause.opening.value).otherwise("cause").cast(pl.Int8),
        event_ids=pl.when(~opened).then("event_ids"),
    )


def _moving(
    was: pl.DataFrame, now: pl.DataFrame, ended: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of both those that are not at rest before or after, and those that enter; `ended`: loans that may come back."""
    awake = [~rows.select(at_rest()).to_series() for rows in (was, now)]
    if was["loan_id"].equals(now["loan_id"]):
        either = awake[0] | awake[1]
        return was.filter(either), now.filter(either)
    entered = now["loan_id"].filter(~now["loan_id"].is_in(was["loan_id"].implode()))
    if ended is not None and entered.len():
        back = ended.filter(pl.col("loan_id").is_in(entered.implode()))
        was = pl.concat([was, back.select(was.columns)], how="vertical_relaxed")
        awake[0] = pl.concat([awake[0], pl.repeat(True, back.height, eager=True)])
    awoken = [rows["loan_id"].filter(mask) for rows, mask in zip((was, now), awake, strict=True)]
    ids = pl.col("loan_id").is_in(pl.concat([*awoken, entered]).unique().implode())
    return was.filter(ids), now.filter(ids)


def came(applied: pl.DataFrame) -> pl.DataFrame:
    """What took effect for each loan and `business_date`: `all_ids`, and `other_ids` of what is no money that came in."""
    ids = pl.col("event_id").sort().cast(pl.String)
    other = ~pl.col("kind").is_in([kind.value for kind in MONEY_IN])
    told = applied.sort("event_id").group_by("loan_id", "business_date").agg(
        all_ids=ids.str.join(" "),
        other_ids=pl.col("event_id").filter(other).cast(pl.String).str.join(" "),
    )  # fmt: skip
    return told.with_columns(other_ids=pl.when(pl.col("other_ids") != "").then("other_ids"))


def differences(both: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Changes (`CHANGES`) between states of the same row, those before with `_before` behind their names; `events`: `came`.

    Days pass: a loan that is later by another day, or in the bucket or stage of it, is so by time, whatever came. What
    grows worse is caused by no money that came in.
    """
    whole = both.with_columns(
        pl.col(f"{name}_before").fill_null(pl.lit(BY_COLUMN[name].default, pl.Int32)) for name in STATES
    ).with_columns(
        same_days=pl.col("days_past_due") == pl.col("days_past_due_before"),
        aged=(pl.col("days_past_due") > pl.col("days_past_due_before"))
        & ((pl.col("days_past_due_before") == 0)
           | (pl.col("oldest_due_date") == pl.col("oldest_due_date_before")).fill_null(False)),
    )  # fmt: skip
    parts = [
        whole.filter(pl.col(f"{name}_before").ne_missing(pl.col(name))).select(
            "loan_id", "business_date", kind=pl.lit(BY_COLUMN[name].code, pl.Int8), before=f"{name}_before", now=name,
            aged="aged", same_days="same_days",
        )
        for name in STATES
    ]  # fmt: skip
    told = pl.concat(parts).join(events, on=["loan_id", "business_date"], how="left")
    kind = pl.col("kind")
    ids = (
        pl.when(kind == _STATUS)
        .then("all_ids")
        .when(kind.is_in(_BY_DAYS) & pl.col("aged"))
        .then(None)
        .when(pl.col("now") > pl.col("before"))
        .then("other_ids")
        .otherwise("all_ids")
    )
    cause = (
        pl.when(pl.col("event_ids").is_not_null())
        .then(Cause.event.value)
        .when((kind == _BUCKET) & pl.col("same_days"))
        .then(Cause.policy.value)
        .otherwise(Cause.time.value)
    )
    caused = told.with_columns(event_ids=ids).with_columns(cause=cause)
    return caused.select(pl.col(name).cast(kind_) for name, kind_ in CHANGES.items()).sort(KEY)
