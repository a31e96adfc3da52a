"""Rows by their key: new ones, repetitions, and conflicts."""

from __future__ import annotations

import hashlib

import polars as pl

from loanbook.core.store.origination.known import KNOWN
from loanbook.pipelines.formats.table import Bad
from loanbook.pipelines.ingest.events import Known


def keep_new(
    rows: pl.DataFrame, table: str, known: Known
) -> tuple[pl.DataFrame, pl.DataFrame, Bad]:
    """Rows (`key`, `body_hash`, `line`) that are new, those that are known already, and conflicts for quarantine: the same
    key with another content. Files that follow know the new ones."""
    stored = (
        known.origination.hashes(table, rows["key"])
        if known.origination
        else pl.DataFrame(schema=KNOWN)
    )
    before = pl.concat([stored, *known.records.get(table, [])]).unique("key", keep="first")
    marked = rows.join(
        before.rename({"body_hash": "old"}), on="key", how="left", maintain_order="left"
    ).with_columns(
        place=pl.int_range(pl.len()).over("key"), first=pl.col("body_hash").first().over("key")
    )
    old = pl.coalesce("old", pl.when(pl.col("place") > 0).then("first"))
    fresh = marked.filter(old.is_null()).select(rows.columns)
    again = marked.filter(old.is_not_null() & (old == pl.col("body_hash"))).select(rows.columns)
    other = marked.filter(old.is_not_null() & (old != pl.col("body_hash")))
    bad = [
        {
            "line": line,
            "rule": "idempotency_conflict",
            "found": f"{key[:40]} came before with another content",
        }
        for line, key in other.select("line", "key").rows()
    ]
    known.records.setdefault(table, []).append(fresh.select("key", "body_hash"))
    return fresh, again, bad


def tokens(told: pl.Series, known: Known) -> pl.Series:
    """Tokens of people and things; null where there is none."""
    named = told.to_frame("t").select(pl.when(pl.col("t") != "").then("t")).to_series()
    if known.origination is not None:
        return known.origination.tokens(named)
    found = {
        text: hashlib.sha256(text.encode()).hexdigest()[:32] for text in named.drop_nulls().unique()
    }
    return named.replace_strict(found, return_dtype=pl.String) if found else named.cast(pl.String)
