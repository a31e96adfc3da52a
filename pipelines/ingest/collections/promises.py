"""Promises and notices: each once, of loans that are known."""

from __future__ import annotations

import polars as pl

from loanbook.pipelines.formats.collections import promises as formats
from loanbook.pipelines.ingest.collections.records import Rows

promises = Rows(
    "promises", "promise_id", formats.promises, formats.PROMISE_COLUMNS,
    (
        pl.col("moment").alias("promised_at"), "promised_on", pl.col("due").alias("due_date"), pl.col("minor").alias("amount"),
        "agent",
    ),
)  # fmt: skip
notices = Rows(
    "notices", "notice_id", formats.notices, formats.NOTICE_COLUMNS,
    (
        pl.col("moment").alias("stated_at"), "kind", (pl.col("written") == "yes").alias("written"), "reason", "agent",
    ),
)  # fmt: skip
