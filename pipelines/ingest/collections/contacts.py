"""Contacts and preferences: each once, of loans that are known."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.frames import content_hashes
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.collections import contacts as formats
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.events import Known, Taken, matched, refused
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new


def contacts(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of contacts gives."""
    assert file.business_date is not None
    parsed = formats.contacts(data, file.business_date)
    columns: list[pl.Expr | str] = [
        pl.col("reference").alias("contact_id"), "loan_id", "loan_key", pl.col("moment").alias("occurred_at"),
        pl.col("occurred_at").alias("occurred_text"), "channel", "direction", "outcome",
        (pl.col("right_party") == "yes").alias("right_party"), "agent", "place", "zone", "body_hash", "line",
    ]  # fmt: skip
    return new_rows(parsed, "contacts", formats.CONTACT_COLUMNS, columns, (file, known))


def preferences(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of preferences gives."""
    assert file.business_date is not None
    parsed = formats.preferences(data, file.business_date)
    timed = pl.col("kind") == "inconvenient_time"
    columns: list[pl.Expr | str] = [
        pl.col("reference").alias("preference_id"), "loan_id", "loan_key", pl.col("moment").alias("stated_at"), "kind",
        "channel", "place", pl.when(timed).then("weekdays").alias("weekdays"), "starts", "ends",
        (pl.col("written") == "yes").alias("written"), "body_hash", "line",
    ]  # fmt: skip
    return new_rows(
        parsed, "contact_preferences", formats.PREFERENCE_COLUMNS, columns, (file, known)
    )


def new_rows(
    parsed: Parsed,
    table: str,
    told: list[str],
    columns: Sequence[pl.Expr | str],
    of: tuple[LandingFile, Known],
) -> Taken:
    """Rows that are new as rows of their table, how many are known, and those refused; one that names a `currency` names
    its loan's."""
    file, known = of
    assert file.business_date is not None
    rows, unknown = matched(parsed, known.by(file.business_date))
    if "currency" in rows.columns:
        code = pl.col("currency").replace_strict(CURRENCY_CODES, return_dtype=pl.Int8)
        wrong = rows.filter(code != pl.col("loan_currency"))
        unknown += refused(wrong, "currency_is_not_the_loans", "currency")
        rows = rows.join(wrong, on="line", how="anti", maintain_order="left")
    rows = rows.with_columns(key="reference", body_hash=content_hashes(rows, told))
    kept, again, bad = keep_new(rows, table, known)
    made = kept.select(*columns, known_on=pl.lit(file.business_date))
    return Taken(
        parsed.rows_in,
        made.height,
        again.height,
        parsed.bad + unknown + bad,
        None,
        tables={table: made},
    )
