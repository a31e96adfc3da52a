"""Relief of borrowers in hardship: when each arrangement starts and stops, and its credit-report code.

Arrangements that rest for a time (a moratorium, a pause of interest or of delinquency) are reported as
`CP` while they run, account in forbearance; a schedule that was changed for a borrower in difficulty as
`AC`, paying under a partial payment agreement, until the loan ends. Source of the codes: special comment
codes of the Metro 2 format, as the Consumer Data Industry Association's Credit Reporting Resource Guide
names them.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.events import EVENTS
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.arrears.days_past_due import pauses_of

RESTS = tuple(row.kind for row in EVENTS if row.rests)
"""Kinds of arrangements in which something rests for a time."""
IN_FORBEARANCE, PARTIAL_PAYMENT = "CP", "AC"
RELIEF = {
    "loan_id": pl.Int64, "kind": pl.String, "starts": pl.Date, "stops": pl.Date, "runs": pl.Boolean,
    "credit_report_code": pl.String,
}  # fmt: skip


def relief(
    events: pl.DataFrame, resumed: pl.DataFrame, forborne: pl.DataFrame, on: dt.date
) -> pl.DataFrame:
    """Arrangements by `on` (schema `RELIEF`), by loan and start; `stops` is null where no date is known.

    `events`: those that stand, with `loan_id`, `kind`, `value_date`, `payload`. `resumed`: `loan_id`,
    `stops` (Date), days from which no moratorium of the loan runs. `forborne`: `loan_id`, `kind` (name), `value_date` of changes that are
    forbearance, `ended` (Boolean: the loan has ended).
    """
    pauses = pauses_of(
        events.filter(
            pl.col("kind").is_in([Kind.delinquency_paused.value, Kind.delinquency_resumed.value])
        )
    )
    granted = events.filter(pl.col("kind") == Kind.moratorium_granted.value)
    over = resumed.join(granted.select("loan_id", starts="value_date"), on="loan_id")
    ends = over.filter(pl.col("stops") > pl.col("starts")).group_by("loan_id", "starts")
    moratoria = granted.select("loan_id", starts="value_date").join(
        ends.agg(pl.col("stops").min()), on=["loan_id", "starts"], how="left"
    )
    interest = with_payload(
        events.filter(pl.col("kind") == Kind.interest_paused.value), Kind.interest_paused
    )
    parts = [
        pauses.select("loan_id", kind=pl.lit(Kind.delinquency_paused.name), starts="start", stops="end"),
        interest.select(
            "loan_id", kind=pl.lit(Kind.interest_paused.name),
            starts="start", stops="end",
        ),
        moratoria.select("loan_id", "starts", "stops", kind=pl.lit(Kind.moratorium_granted.name)),
    ]  # fmt: skip
    names = ["loan_id", "kind", "starts", "stops"]
    rests = pl.concat(part.select(names) for part in parts).with_columns(
        runs=(pl.col("starts") <= on) & (pl.col("stops") >= on).fill_null(True),
        code=pl.lit(IN_FORBEARANCE),
    )
    resting = [kind.name for kind in RESTS]
    changed = forborne.filter(~pl.col("kind").is_in(resting)).select(
        "loan_id", "kind", starts="value_date", stops=pl.lit(None, dtype=pl.Date),
        runs=~pl.col("ended"), code=pl.lit(PARTIAL_PAYMENT),
    )  # fmt: skip
    every = pl.concat([rests, changed.select(rests.columns)])
    coded = every.with_columns(credit_report_code=pl.when("runs").then("code"))
    return coded.select(*RELIEF).cast(RELIEF).sort("loan_id", "starts", "kind")  # type: ignore[arg-type]
