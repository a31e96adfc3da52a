"""Days that are lived again: what was said of them beside what is true, as corrections that name what they correct."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.risk_events.catalogue import BY_COLUMN, Cause
from loanbook.core.risk_events.changes import CHANGES, KEY, came, differences
from loanbook.core.risk_events.state import READ, STATES, standing, states
from loanbook.core.servicing.replay.backdating import Restatement

SAID = {name: CHANGES[name] for name in (*KEY, "before", "now")} | {"sequence": pl.Int64}
"""Schema of what was said last of a loan, date and type of event."""
CORRECTED = CHANGES | {"corrects": pl.Int64}
"""Schema of changes, each with the `sequence` of the event that it corrects; null: of none."""
LIVED = (*READ, "flags", "business_date")
"""Columns of days lived again, beside `loan_id`, that are read here."""


def corrections(again: Restatement, days: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """What must be said (`CORRECTED`) of days that are lived again, given what was `said` of them (`SAID`).

    `days`: every day of the loans (`LIVED`), from the first that changes for any of them or before. An event that was
    said and is none any more is corrected by one that changes nothing: `before` and `now` are what holds on the date.
    """
    lived = _with_eve(again, days)
    both = again.of_its_days(_turning(lived))
    applied = pl.concat(
        [
            _NOTHING_CAME,
            *(each.applied.select(_NOTHING_CAME.columns) for each in again.lived.rounds),
        ],
        how="vertical_relaxed",
    )
    true = differences(both, came(applied))
    told = true.join(said, on=KEY, how="left", suffix="_said")
    same = pl.col("before").eq_missing(pl.col("before_said")) & pl.col("now").eq_missing(
        pl.col("now_said")
    )
    anew = told.filter(pl.col("sequence").is_null() | ~same)
    none = said.join(true, on=KEY, how="anti")
    gone = _carried(none, lived.filter(pl.col("loan_id").is_in(none["loan_id"].unique().implode())))
    rows = pl.concat([each.select(*CHANGES, corrects="sequence") for each in (anew, gone)])
    return rows.cast(CORRECTED).sort(KEY)  # type: ignore[arg-type]


_NOTHING_CAME = pl.DataFrame(
    schema={"loan_id": pl.Int64, "event_id": pl.Int64, "kind": pl.Int16, "business_date": pl.Date}
)


def _turning(lived: pl.DataFrame) -> pl.DataFrame:
    """Days on which a state is another than on the day before, with what it was; `lived` by loan and day."""
    names = [*STATES, "oldest_due_date"]
    follows = (pl.col("loan_id") == pl.col("loan_id").shift(1)).fill_null(False)
    before = [
        pl.when(follows).then(pl.col(name).shift(1)).alias(f"{name}_before") for name in names
    ]
    turns = [pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in STATES]
    return lived.with_columns(before).filter(pl.any_horizontal(turns))


def _with_eve(again: Restatement, days: pl.DataFrame) -> pl.DataFrame:
    """States of all days, and of the evening before the first."""
    start = again.lived.start
    rows = days.select("loan_id", *LIVED)
    if start.date is not None:
        eve = (
            standing(start)
            .filter(~pl.col("status").is_in(ENDED))
            .with_columns(business_date=pl.lit(start.date))
        )
        rows = pl.concat([eve.select(rows.columns), rows], how="vertical_relaxed")
    return states(rows).sort("loan_id", "business_date")


def _carried(said: pl.DataFrame, lived: pl.DataFrame) -> pl.DataFrame:
    """What holds on dates of which a change was said that is none, where it was not said so already."""
    by_date = said.sort("business_date")
    held = by_date.join_asof(
        lived.sort("business_date"), on="business_date", by="loan_id", check_sortedness=False
    )
    value: pl.Expr = pl.lit(None, pl.Int32)
    for each in (BY_COLUMN[name] for name in STATES):
        value = pl.when(pl.col("kind") == each.code).then(pl.col(each.column).fill_null(pl.lit(each.default, pl.Int32))).otherwise(value)  # fmt: skip
    told = held.with_columns(holds=value)
    changed = pl.col("holds").ne_missing(pl.col("before")) | pl.col("holds").ne_missing(
        pl.col("now")
    )
    return told.filter(changed).with_columns(
        before="holds", now="holds", cause=pl.lit(Cause.correction.value, pl.Int8), event_ids=pl.lit(None, pl.String)
    )  # fmt: skip
