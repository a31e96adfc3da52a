"""Legal steps and placements: each once, of loans that are known, with agencies that a policy names."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.pipelines.formats.collections import recovery as formats
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.collections.records import Rows
from loanbook.pipelines.ingest.events import Known, Taken, refused
from loanbook.pipelines.ingest.landing import LandingFile

legal_steps = Rows(
    "legal_steps", "legal_id", formats.legal_steps, formats.LEGAL_COLUMNS,
    (
        pl.col("moment").alias("stated_at"), "stage", pl.col("next_date").alias("next_on"), pl.col("minor").alias("cost"), "agent",
    ),
)  # fmt: skip
_PLACEMENTS = Rows(
    "placements", "placement_id", formats.placements, formats.PLACEMENT_COLUMNS,
    (
        pl.col("moment").alias("stated_at"), pl.col("stated_at").str.head(10).str.to_date("%Y-%m-%d").alias("stated_on"), "step",
        "agency", "agent",
    ),
)  # fmt: skip


def placements(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of placements gives; an agency is one that a policy names on the file's date."""
    assert file.business_date is not None
    parsed = _PLACEMENTS.parse(data, file.business_date)
    agencies = list(policies.all_in_force(CollectionAgency, file.business_date))
    strange = parsed.good.filter(~pl.col("agency").is_in(agencies))
    known_ones = parsed.good.join(strange, on="line", how="anti", maintain_order="left")
    whole = Parsed(parsed.rows_in, known_ones, parsed.bad + refused(strange, "agency_not_known", "agency"))  # fmt: skip
    return _PLACEMENTS.entered(whole, file, known)
