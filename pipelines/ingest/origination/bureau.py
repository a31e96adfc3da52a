"""Reports of bureaus and bank data: the original sealed, its fields as facts that lead back to it."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.origination import bank_data, bureau
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new, tokens


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of a bureau's reports gives."""
    assert file.business_date is not None
    parsed = bureau.parse(data, file.business_date)
    return _entered(
        Taken(parsed.rows_in, 0, 0, parsed.bad, None), parsed.reports, parsed.facts, file, known
    )


def bank(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of bank data gives."""
    assert file.business_date is not None
    parsed = bank_data.parse(data, file.business_date)
    return _entered(
        Taken(parsed.rows_in, 0, 0, parsed.bad, None), parsed.records, parsed.facts, file, known
    )


def _entered(
    read: Taken, reports: pl.DataFrame, facts: pl.DataFrame, file: LandingFile, known: Known
) -> Taken:
    """Reports that are new with their facts. `read`: how many rows were read, and which were refused."""
    reports = reports.with_columns(body_hash="sha256", key="record")
    fresh, again, bad = keep_new(reports, "originals", known)
    kept = fresh.with_columns(tokens(fresh["applicant"], known).alias("applicant"))
    sealed = pl.Series([None] * kept.height, dtype=pl.Binary)
    if known.origination is not None:
        sealed = known.origination.sealed(fresh.select("applicant", "record", "text"))
    on, source = pl.lit(file.business_date), {"bank_data": "bank"}.get(file.kind or "", "bureau")
    originals = kept.select(
        "record", "applicant", "sha256", "body_hash", "as_of", "line", kind=pl.lit(source), sealed=sealed, known_on=on
    )  # fmt: skip
    told = facts.join(
        kept.select("record", "applicant", "as_of", "line"), on=["record", "line"], maintain_order="left"
    ).select("applicant", "record", "field", "number", "as_of", "path", "line", source=pl.lit(source),
             word=pl.lit(None, dtype=pl.String), known_on=on)  # fmt: skip
    numbers = dict(reports.select("line", "numbers").rows())
    every = [row | {"line": line} for row in bad for line in numbers[row["line"]]]
    refused = read.bad + every  # every line of a report in conflict is refused
    return Taken(
        read.rows_in, _lines(fresh), _lines(again), refused, None,
        tables={"originals": originals, "applicant_facts": told},
    )  # fmt: skip


def _lines(reports: pl.DataFrame) -> int:
    """Rows of the file that reports take."""
    return int(reports["numbers"].list.len().sum())
