"""Index values as resets: an event for each loan that resets on one, and corrections of them."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.servicing.interest.index_rates import resetting
from loanbook.pipelines.formats import indices
from loanbook.pipelines.ingest.events import Known, Taken, complete, event, keep_new, refused
from loanbook.pipelines.ingest.landing import LandingFile


def resets(fixings: pl.DataFrame, loans: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """Events that values ask for: one row for each loan and value.

    `fixings`: `line`, `index`, `date`, `index_ppb`, `corrects`. `loans`: `loan_id`, `product`,
    `currency`, `first_reset_on`, `disbursed_on` of loans whose rate floats. Returns `line`,
    `loan_id`, `currency`, `value_date`, `source_ref`, `payload`, `corrects`.
    """
    floating = policies.floating.join(loans, on="product")
    both = fixings.join(floating, on="index").with_columns(
        value_date=pl.col("date") + pl.duration(days=pl.col("fixing_days"))
    )
    due = resetting(both, pl.col("value_date"))
    of = pl.concat_str("index", "date", "loan_id", separator="/")
    body = pl.struct("index", "index_ppb", fixed_on=pl.col("date").cast(pl.String))
    return due.select(
        "line", "loan_id", "currency", "value_date", "corrects", source_ref=of,
        payload=body.struct.json_encode(),
    )  # fmt: skip


def corrected(
    rows: pl.DataFrame, known: pl.DataFrame, file: str
) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]]:
    """Resets that stand in place of others: reversals of those, the resets anew, and the rest.

    `rows`: `resets`. `known`: events that were taken in before. Returns the resets to take in, the
    reversals, and rows refused because they correct nothing.
    """
    again = rows.filter(pl.col("corrects") == "yes")
    undone = known["reverses"].drop_nulls()
    resets = known.filter(
        (pl.col("kind") == Kind.rate_reset.value)
        & ~pl.col("idempotency_key").is_in(undone.implode())
    ).select("loan_id", key="idempotency_key", reference="source_ref")
    # a correction may be corrected in turn: what it is called tells the file that brought it
    hits = again.join(resets, on="loan_id").filter(
        (pl.col("reference") == pl.col("source_ref"))
        | pl.col("reference").str.starts_with(pl.col("source_ref") + pl.lit("/"))
    )
    missing = again.join(hits.select("line", "loan_id"), on=["line", "loan_id"], how="anti")
    bad = refused(missing.unique("line"), "unknown_target", "source_ref")
    suffix = pl.concat_str("source_ref", pl.lit(file), separator="/")
    fresh = pl.concat(
        [
            rows.filter(pl.col("corrects") == ""),
            hits.select(rows.columns).with_columns(source_ref=suffix),
        ]
    )
    back = hits.with_columns(
        source_ref=suffix, payload=pl.struct(reverses="key").struct.json_encode()
    ).select(rows.columns)
    return fresh, back, bad


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """Values of reference rates: a reset for each loan whose rate follows one on the day.

    A row counts as one, however many loans it resets.
    """
    assert file.business_date is not None
    names = policies.floating["index"].unique().sort().to_list()
    parsed = indices.parse(data, file.business_date, names)
    loans = known.floating(policies.floating["product"].unique().to_list())
    requested = resets(parsed.good, loans, policies)

    entities = known.loans("loan_id", requested["loan_id"]).select("loan_id", "entity_name")
    requested = requested.join(entities, on="loan_id", how="left", maintain_order="left")
    again = requested.filter(pl.col("corrects") == "yes")
    fresh, back, bad = corrected(
        requested, known.events("loan_id", again["loan_id"]), file.path.stem
    )
    batches = [
        complete(
            event(
                rows.with_columns(
                    loan_key=pl.lit(None, dtype=pl.String), amount=pl.lit(None, dtype=pl.Int64)
                ),
                kind, mapping, file, known,
            )
        )
        for rows, kind in ((back, Kind.reversal), (fresh, Kind.rate_reset))
    ]  # fmt: skip
    events, _, conflicts = keep_new(pl.concat(batches), known)
    refused = {row["line"]: row for row in (*bad, *conflicts)}
    lines = set(parsed.good["line"].to_list()) - refused.keys()
    repeated = (lines & set(requested["line"].to_list())) - set(events["line"].to_list())
    kept = events.filter(~pl.col("line").is_in(list(refused)))
    return Taken(
        parsed.rows_in, len(lines) - len(repeated), len(repeated),
        parsed.bad + list(refused.values()), kept,
    )  # fmt: skip
