"""Contacts and preferences: each once, of loans that are known."""

from __future__ import annotations

import polars as pl

from loanbook.pipelines.formats.collections import contacts as formats
from loanbook.pipelines.ingest.collections.records import Rows

contacts = Rows(
    "contacts", "contact_id", formats.contacts, formats.CONTACT_COLUMNS,
    (
        pl.col("moment").alias("occurred_at"), pl.col("occurred_at").alias("occurred_text"), "channel", "direction", "outcome",
        (pl.col("right_party") == "yes").alias("right_party"), "agent", "place", "zone",
    ),
)  # fmt: skip
preferences = Rows(
    "contact_preferences", "preference_id", formats.preferences, formats.PREFERENCE_COLUMNS,
    (
        pl.col("moment").alias("stated_at"), "kind", "channel", "place",
        pl.when(pl.col("kind") == "inconvenient_time").then("weekdays").alias("weekdays"), "starts", "ends",
        (pl.col("written") == "yes").alias("written"),
    ),
)  # fmt: skip
