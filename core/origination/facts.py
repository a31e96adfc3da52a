"""Facts of applicants: what a source told, of which day, known from which day on; and what of them a moment knows.

A fact that came after a moment takes no part in it, whatever day it is of: so a decision can't see the future.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.inputs import INPUTS, WORDS

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


def of_parties(known: pl.DataFrame, parties: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """`application_id` and the inputs of the source `parties`, a row of `asked`, in its order.

    `parties`: `application_id`, `kind` (of `loanbook.core.origination.applications.OTHERS`), a row a person; `known`: what was known of each (`as_known`), in their
    order. `asked`: `application_id` and what the applicant's own report tells, `obligations_month`, where it does. What is told of
    nobody beside the applicant is 0, or the best word; where of one person a thing is not known, it is not known of them.
    """
    read = {
        **dict.fromkeys(("bureau_age_days", "bankruptcies", "accounts_past_due", "obligations_month"), pl.Int64()),
        **dict.fromkeys(("kyc", "screening"), pl.String()),
    }  # fmt: skip
    lacking = [pl.lit(None, type_).alias(n) for n, type_ in read.items() if n not in known.columns]
    told = parties.hstack(known.with_columns(lacking).select(*read))
    borrows = pl.col("kind") == "co_applicant"
    sums = told.group_by("application_id").agg(
        owners=(pl.col("kind") == "owner").sum().cast(pl.Int64),
        parties_without_report=pl.col("bureau_age_days").null_count().cast(pl.Int64),
        parties_bankruptcies=_sum(pl.col("bankruptcies")), parties_past_due=_sum(pl.col("accounts_past_due")),
        _owed=_sum(pl.col("obligations_month").filter(borrows)),
        **{f"parties_{name}": _worst(name) for name in ("kyc", "screening")},
    )  # fmt: skip
    own = pl.col("obligations_month") if "obligations_month" in asked.columns else pl.lit(None, pl.Int64)  # fmt: skip
    counts = ("owners", "parties_without_report")
    whole = asked.join(sums.with_columns(_there=True), on="application_id", how="left", maintain_order="left")  # fmt: skip
    nobody = pl.col("_there").is_null()
    zeros = ("parties_bankruptcies", "parties_past_due", "_owed")
    words = {f"parties_{name}": WORDS[f"parties_{name}"][0] for name in ("kyc", "screening")}
    filled = whole.with_columns(
        *(pl.col(name).fill_null(0) for name in counts),
        *(pl.when(nobody).then(0).otherwise(name).alias(name) for name in zeros),
        *(pl.when(nobody).then(pl.lit(word)).otherwise(name).alias(name) for name, word in words.items()),
    )  # fmt: skip
    return filled.select(
        "application_id", *counts, "parties_bankruptcies", "parties_past_due", *words,
        borrowers_obligations_month=own + pl.col("_owed"),
    )  # fmt: skip


def _sum(column: pl.Expr) -> pl.Expr:
    """A sum; null where one is."""
    return pl.when(column.null_count() == 0).then(column.sum())


def _worst(name: str) -> pl.Expr:
    """The worst of words, the last of `WORDS`; null where one is."""
    order = {word: place for place, word in enumerate(WORDS[f"parties_{name}"])}
    rank = pl.col(name).replace_strict(order, default=None, return_dtype=pl.Int64)
    back = {place: word for word, place in order.items()}
    return pl.when(rank.null_count() == 0).then(
        rank.max().replace_strict(back, default=None, return_dtype=pl.String)
    )
