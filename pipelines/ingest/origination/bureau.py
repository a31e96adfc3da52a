"""Reports of bureaus: the original sealed, its fields as facts that lead back to it."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.origination.bureau import parse
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new, tokens


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of reports gives."""
    assert file.business_date is not None
    parsed = parse(data, file.business_date)
    reports = parsed.reports.with_columns(body_hash="sha256", key="record")
    fresh, again, bad = keep_new(reports.select("key", "body_hash", "line"), "originals", known)
    named = reports.with_columns(tokens(reports["applicant"], known).alias("applicant"))
    kept = named.join(fresh.select("line"), on="line", how="semi", maintain_order="left")
    sealed = pl.Series([None] * kept.height, dtype=pl.Binary)
    if known.origination is not None:
        sealed = known.origination.sealed(kept.select("record", "text"))
    on = pl.lit(file.business_date)
    originals = kept.select(
        "record",
        "applicant",
        "sha256",
        "body_hash",
        "as_of",
        "line",
        kind=pl.lit("bureau"),
        sealed=sealed,
        known_on=on,
    )
    facts = parsed.facts.join(
        kept.select("record", "applicant", "as_of", "line"), on="record", maintain_order="left"
    ).select("applicant", "record", "field", "number", "as_of", "path", "line", source=pl.lit("bureau"),
             word=pl.lit(None, dtype=pl.String), known_on=on)  # fmt: skip
    refused = [*parsed.bad]
    for row in bad:  # every line of a report in conflict is refused
        numbers = reports.filter(pl.col("line") == row["line"])["numbers"].item()
        refused += [row | {"line": number} for number in numbers]
    return Taken(
        parsed.rows_in, _lines(reports, fresh), _lines(reports, again), refused, None,
        tables={"originals": originals, "applicant_facts": facts},
    )  # fmt: skip


def _lines(reports: pl.DataFrame, some: pl.DataFrame) -> int:
    """Rows of the file that some reports take."""
    return int(reports.join(some.select("line"), on="line", how="semi")["numbers"].list.len().sum())
