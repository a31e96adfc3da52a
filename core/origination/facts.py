"""Facts of applicants: what a source told, of which day, known from which day on; and what of them a moment knows.

A fact that came after a moment takes no part in it, whatever day it is of: so a decision can't see the future.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.inputs import INPUTS

FACTS = pl.Schema({
    "applicant": pl.String(), "source": pl.String(), "record": pl.String(), "field": pl.String(), "number": pl.Int64(),
    "word": pl.String(), "as_of": pl.Date(), "known_on": pl.Date(), "path": pl.String(), "line": pl.Int64(),
})  # fmt: skip
"""A row a fact. `source`: who told it (bureau, bank, kyc, consent_bureau, …); `record`: the report that it stands in;
`field`: an input, with a `number` (yes is 1) or a `word`; `as_of`: the day that it is of; `known_on`: the business date from
which it was known; `path`: where in the original it stands."""
AGES = {"bureau": "bureau_age_days", "bank": "bank_age_days"}
"""Inputs that are days since the last record of a source is of."""


def as_known(facts: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """What was known of applicants at the end of a day: a row of `asked`, in its order, with inputs as columns.

    `asked`: `application_id`, `applicant`, `on` (Date). Of each source the last record counts, as a whole: what a newer
    report no longer tells isn't taken of an older one. Gives `application_id` and the inputs of `facts`, with `AGES`.
    """
    told = asked.select("application_id", "applicant", "on").join(facts, on="applicant").filter(
        pl.col("known_on") <= pl.col("on")
    )  # fmt: skip
    order = ["as_of", "known_on", "record"]
    last = (
        told.select("application_id", "source", "on", *order).unique()
        .sort(order).group_by("application_id", "source").last()
    )  # fmt: skip
    held = told.join(last, on=["application_id", "source", "record"], how="semi")
    # a record that came twice tells its last writing
    held = held.sort("known_on").unique(["application_id", "source", "field"], keep="last")
    found = asked.select("application_id")
    for column in ("number", "word"):
        rows = held.filter(pl.col(column).is_not_null())
        if rows.height:
            wide = rows.pivot(on="field", index="application_id", values=column)
            found = found.join(wide, on="application_id", how="left", maintain_order="left")
    age = (pl.col("on") - pl.col("as_of")).dt.total_days()
    for source, name in AGES.items():
        aged = last.filter(pl.col("source") == source).select("application_id", age.alias(name))
        found = found.join(aged, on="application_id", how="left", maintain_order="left")
    found = _with_consent(found)
    yes = [each.name for each in INPUTS if each.type == pl.Boolean and each.name in found.columns]
    return found.with_columns(pl.col(yes) == 1)


def _with_consent(found: pl.DataFrame) -> pl.DataFrame:
    """Without what a source told whose use the applicant has withdrawn: from that day on it is not known."""
    for source in AGES:
        consent = f"consent_{source}"
        own = [each.name for each in INPUTS if each.source == source and each.name in found.columns]
        if consent in found.columns:
            withdrawn = (pl.col(consent) == 0).fill_null(False)
            found = found.with_columns(
                pl.when(~withdrawn).then(pl.col(name)).alias(name) for name in own
            )
    return found
