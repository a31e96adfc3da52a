"""Legal steps and placements: each once, of loans that are known, with agencies that a policy names."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.pipelines.formats.collections import recovery as formats
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.collections.contacts import new_rows
from loanbook.pipelines.ingest.events import Known, Taken, refused
from loanbook.pipelines.ingest.landing import LandingFile


def legal_steps(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of legal steps gives."""
    assert file.business_date is not None
    parsed = formats.legal_steps(data, file.business_date)
    columns: list[pl.Expr | str] = [
        pl.col("reference").alias("legal_id"), "loan_id", "loan_key", pl.col("moment").alias("stated_at"), "stage",
        pl.col("next_date").alias("next_on"), pl.col("minor").alias("cost"), "agent", "body_hash", "line",
    ]  # fmt: skip
    return new_rows(parsed, "legal_steps", formats.LEGAL_COLUMNS, columns, (file, known))


def placements(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of placements gives."""
    assert file.business_date is not None
    parsed = formats.placements(data, file.business_date)
    agencies = list(policies.all_in_force(CollectionAgency, file.business_date))
    strange = parsed.good.filter(~pl.col("agency").is_in(agencies))
    known_ones = parsed.good.join(strange, on="line", how="anti", maintain_order="left")
    whole = Parsed(parsed.rows_in, known_ones, parsed.bad + refused(strange, "agency_not_known", "agency"))  # fmt: skip
    columns: list[pl.Expr | str] = [
        pl.col("reference").alias("placement_id"), "loan_id", "loan_key", pl.col("moment").alias("stated_at"),
        pl.col("stated_at").str.head(10).str.to_date("%Y-%m-%d").alias("stated_on"), "step", "agency", "agent", "body_hash", "line",
    ]  # fmt: skip
    return new_rows(whole, "placements", formats.PLACEMENT_COLUMNS, columns, (file, known))
