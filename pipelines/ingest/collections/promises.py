"""Promises and notices: each once, of loans that are known."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.collections import promises as formats
from loanbook.pipelines.ingest.collections.contacts import new_rows
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile


def promises(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of promises gives."""
    assert file.business_date is not None
    parsed = formats.promises(data, file.business_date)
    columns: list[pl.Expr | str] = [
        pl.col("reference").alias("promise_id"), "loan_id", "loan_key", pl.col("moment").alias("promised_at"), "promised_on",
        pl.col("due").alias("due_date"), pl.col("minor").alias("amount"), "agent", "body_hash", "line",
    ]  # fmt: skip
    return new_rows(parsed, "promises", formats.PROMISE_COLUMNS, columns, (file, known))


def notices(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of notices gives."""
    assert file.business_date is not None
    parsed = formats.notices(data, file.business_date)
    columns: list[pl.Expr | str] = [
        pl.col("reference").alias("notice_id"), "loan_id", "loan_key", pl.col("moment").alias("stated_at"), "kind",
        (pl.col("written") == "yes").alias("written"), "reason", "agent", "body_hash", "line",
    ]  # fmt: skip
    return new_rows(parsed, "notices", formats.NOTICE_COLUMNS, columns, (file, known))
