"""Documents of applicants: each once, sealed, and that it came as a fact that wakes a case which waits for it."""

from __future__ import annotations

import polars as pl

from loanbook.core.frames import content_hashes
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.origination import documents
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new, tokens


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of documents gives."""
    assert file.business_date is not None
    parsed = documents.documents(data, file.business_date)
    rows = parsed.good.with_columns(
        pl.col("document_ref").alias("key"),
        body_hash=content_hashes(parsed.good, [*documents.DOCUMENTS, "scanner"]),
    )
    fresh, again, bad = keep_new(rows, "applicant_documents", known)
    sealed = pl.Series([None] * fresh.height, dtype=pl.Binary)
    if known.origination is not None:
        sealed = known.origination.sealed(
            fresh.select("applicant", record="document_ref", text="content")
        )
    kept = fresh.with_columns(tokens(fresh["applicant"], known).alias("applicant"), sealed=sealed)
    on = pl.lit(file.business_date)
    field = pl.concat_str(pl.lit("document_"), "type")
    tables = {
        "applicant_documents": kept.select(
            "applicant", "type", "media", "sha256", "bytes", "uploader", "scan", "scanner", "sealed", "body_hash", "line",
            document_id="key", uploaded_at="moment", known_on=on,
        ),
        "applicant_facts": kept.select(
            "applicant", "line", source=field, field=field, record="key", number=pl.lit(1, pl.Int64), word=pl.lit(None, pl.String),
            as_of=pl.col("moment").dt.date(), path=pl.concat_str(pl.lit("sha256 "), "sha256"), known_on=on,
        ),
    }  # fmt: skip
    return Taken(parsed.rows_in, kept.height, again.height, parsed.bad + bad, None, tables=tables)
