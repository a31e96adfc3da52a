"""Inputs of decisions: what applications say, and what sources had told by the day of the decision."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.inputs import INPUTS
from loanbook.core.origination.facts import as_known, of_parties
from loanbook.core.origination.links import neighbours, velocity
from loanbook.core.store.origination.merges import aliases
from loanbook.core.store.origination.own_history import own_history
from loanbook.core.store.origination.reading import facts_of, links_of, others_of, rejected_by
from loanbook.core.store.queries import Queries

_OWN = [each.name for each in INPUTS if each.source == "application"]


def gathered(ledger: Queries, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `application_id`, `currency`, `decided_at`, `product` with inputs as columns, in their order.

    `rows`: as `loanbook.core.store.origination.reading.WAITING` has them; `on` is the day of whose knowledge they are.
    """
    same = aliases(ledger, rows["on"])
    known = _known(ledger, rows.select("application_id", "applicant", "on"), same)
    own = rows.select(
        "application_id",
        "currency",
        "product",
        *_OWN,
        decided_at=pl.col("on").cast(pl.Datetime("us")),
    )
    extra = known.drop("application_id", *(name for name in _OWN if name in known.columns))
    shared = _shared(ledger, rows.select("application_id", "on"), same)
    before = own_history(ledger, rows.select("application_id", "on", "currency"), same)
    parties = _of_parties(ledger, rows.select("application_id", "on"), extra, same)
    every = [*extra, *shared, *before.drop("application_id"), *parties.drop("application_id")]
    return _derived(own.hstack(every))


def _of_parties(
    ledger: Queries, asked: pl.DataFrame, extra: pl.DataFrame, same: pl.DataFrame
) -> pl.DataFrame:
    """Inputs of co-applicants, guarantors and owners, in the order of `asked`."""
    own = asked.select("application_id").hstack(
        [extra[name] for name in ("obligations_month",) if name in extra.columns]
    )
    parties = others_of(ledger, asked["application_id"])
    each = parties.join(asked, on="application_id", maintain_order="left").select(
        "on", applicant="token", application_id=pl.concat_str("application_id", "kind", "token", separator="|")
    )  # fmt: skip
    known = _known(ledger, each, same) if each.height else each
    return of_parties(known, parties, own)


def _known(ledger: Queries, asked: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """What was known of applicants, also by other tokens of theirs, in the order of `asked`."""
    if same.is_empty():
        return as_known(facts_of(ledger, asked["applicant"]), asked)
    others = asked.join(same, on=["on", "applicant"]).select("application_id", token="alias")
    tokens = pl.concat([asked.select("application_id", token="applicant"), others])
    facts = tokens.join(facts_of(ledger, tokens["token"]), left_on="token", right_on="applicant")
    own = facts.drop("token").rename({"application_id": "applicant"})
    return as_known(own, asked.with_columns(applicant="application_id"))


def _shared(ledger: Queries, asked: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """Inputs of velocity and of the graph, in the order of `asked`; who is merged by then is one person."""
    links = links_of(ledger, asked["application_id"])
    rejected = rejected_by(ledger, links["application_id"])
    if same.is_empty():
        near = neighbours(links, asked, rejected)
    else:
        parts = [
            neighbours(_as_one(links, same.filter(pl.col("on") == day)), of_day, rejected)
            for (day,), of_day in asked.group_by("on")
        ]
        near = asked.select("application_id").join(
            pl.concat(parts), on="application_id", maintain_order="left"
        )
    return (
        velocity(links, asked)
        .drop("application_id")
        .hstack(near.drop("application_id").get_columns())
    )


def _as_one(links: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """Links with the least token in place of each that names the same person."""
    least = same.group_by(token="applicant").agg(least=pl.col("alias").min())
    return links.join(least, on="token", how="left").with_columns(
        token=pl.min_horizontal("token", "least")
    ).drop("least")  # fmt: skip


def _derived(rows: pl.DataFrame) -> pl.DataFrame:
    """Debt to income from the parts, where no source told it."""
    if "obligations_month" not in rows.columns:
        return rows
    told = (
        pl.col("debt_to_income_bp")
        if "debt_to_income_bp" in rows.columns
        else pl.lit(None, dtype=pl.Int64)
    )
    income = pl.col("income_year")
    derived = pl.when(income > 0).then(pl.col("obligations_month") * 120_000 // income)
    return rows.with_columns(debt_to_income_bp=pl.coalesce(told, derived))
