"""The clock of loans that have ended: what was to be done by when, what was done, and what delay costs."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.lending.closure_rules import ClosureRules

ENDED = pl.Schema({
    "loan_id": pl.Int64(), "loan_key": pl.String(), "ended_on": pl.Date(), "ending": pl.String(), "jurisdiction": pl.String(),
    "currency": pl.String(),
})  # fmt: skip
"""A loan that ended, or was charged off: `ending` of `loanbook.core.policy.lending.closure_rules.ENDINGS`."""
TASKS = pl.Schema({
    **ENDED, "what": pl.String(), "reference": pl.String(), "due_on": pl.Date(), "done_on": pl.Date(), "days_late": pl.Int64(),
    "compensation": pl.Int64(), "state": pl.String(), "source": pl.String(),
})  # fmt: skip
"""What is to be done of such a loan: `what` is letter or collateral, `reference` the kind of letter or what is given back;
`days_late` by when it was done, else so far; `compensation` in minor units; `state` of `STATES`."""
STATES = {
    "open": "to be done, and in time still",
    "done": "done in time",
    "late": "not done, and too late",
    "done late": "done after its last day",
    "not due": "no rule says by when",
}
"""How a task stands."""


def tasks(
    ended: pl.DataFrame,
    letters: pl.DataFrame,
    collateral: pl.DataFrame,
    rules: ClosureRules,
    on: dt.date,
) -> pl.DataFrame:
    """What is to be done of loans that ended (schema `ENDED`), as it stands at the end of a date: schema `TASKS`.

    `letters`: `loan_key`, `kind`, `made_on` of letters that were made. `collateral`: `loan_key`, `reference`, `returned_on` (null:
    not yet). A letter counts that was made on the day of the ending or later, the first. A day after the last one in time is a day
    of delay; collateral alone is compensated, in the currency of the rule and once a loan and day: it stands with what was, or is, latest.
    """
    ended = ended.filter(pl.col("ended_on") >= rules.ended_from)
    places = _places(ended, rules)
    rows = ended.join(places, on="jurisdiction", how="left")
    wanted = pl.DataFrame(
        [(ending, kind) for ending, kinds in rules.letters.items() for kind in kinds],
        schema={"ending": pl.String, "reference": pl.String}, orient="row",
    )  # fmt: skip
    made = rows.select("loan_key", "ended_on").join(
        letters.select("loan_key", "made_on", reference="kind"), on="loan_key"
    ).filter(pl.col("made_on") >= pl.col("ended_on"))  # fmt: skip
    first = made.group_by("loan_key", "ended_on", "reference").agg(done_on=pl.col("made_on").min())
    of_letters = rows.join(wanted, on="ending").join(
        first, on=["loan_key", "ended_on", "reference"], how="left"
    ).with_columns(what=pl.lit("letter"), days="letters_days", a_day=pl.lit(0, pl.Int64))  # fmt: skip
    over = pl.col("ending").is_in(["closed", "settled"])
    of_collateral = rows.filter(over).join(collateral, on="loan_key").with_columns(
        what=pl.lit("collateral"), days="collateral_days", done_on="returned_on",
        a_day=pl.when(pl.col("currency") == pl.col("pays_in")).then("pays").otherwise(0),
    )  # fmt: skip
    both = pl.concat([of_letters, of_collateral], how="diagonal")
    due_on = pl.col("ended_on") + pl.duration(days="days")
    late = (pl.coalesce("done_on", pl.lit(on)) - due_on).dt.total_days().clip(lower_bound=0)
    both = both.with_columns(due_on=due_on, days_late=late.fill_null(0))
    is_late, is_done = pl.col("days_late") > 0, pl.col("done_on").is_not_null()
    state = (
        pl.when(is_done & is_late).then(pl.lit("done late")).when(is_done).then(pl.lit("done"))
        .when(pl.col("due_on").is_null()).then(pl.lit("not due"))
        .when(is_late).then(pl.lit("late")).otherwise(pl.lit("open"))
    )  # fmt: skip
    told = both.with_columns(state=state).sort("ended_on", "loan_key", "what", "reference")
    latest = (
        pl.col("days_late").rank("ordinal", descending=True).over("loan_key", "ended_on", "what")
        == 1
    )
    told = told.with_columns(
        compensation=pl.when(latest).then(pl.col("days_late") * pl.col("a_day")).otherwise(0)
    )
    return told.select(TASKS.names()).cast(TASKS)


def _places(ended: pl.DataFrame, rules: ClosureRules) -> pl.DataFrame:
    """What counts in each jurisdiction of loans that ended."""
    schema = {
        "jurisdiction": pl.String, "letters_days": pl.Int64, "collateral_days": pl.Int64, "pays_in": pl.String, "pays": pl.Int64,
        "source": pl.String,
    }  # fmt: skip
    rows = []
    for code in ended["jurisdiction"].unique():
        place = rules.place(code)
        pays = place.compensation
        rows.append((code, place.letters_days, place.collateral_days, pays.currency if pays else None,
                     pays.minor_a_day if pays else 0, place.source))  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def breaches(rows: pl.DataFrame) -> pl.DataFrame:
    """Tasks (schema `TASKS`) that are, or were, too late."""
    return rows.filter(pl.col("days_late") > 0).sort("compensation", "days_late", "loan_key", descending=[True, True, False])  # fmt: skip
