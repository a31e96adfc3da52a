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
    """Rows (with `key`, `body_hash`, `line`) that are new, those that are known already, and conflicts for quarantine: the
    same key with another content. Files that follow know the new ones."""
    stored = (
        known.origination.hashes(table, rows["key"])
        if known.origination
        else pl.DataFrame(schema=KNOWN)
    )
    before = pl.concat([stored, *known.records.get(table, [])]).unique("key", keep="first")
    earlier = pl.int_range(pl.len()).over("key") > 0  # a row of the same file has the key
    marked = rows.join(
        before.rename({"body_hash": "_old"}), on="key", how="left", maintain_order="left"
    ).with_columns(
        _old=pl.coalesce("_old", pl.when(earlier).then(pl.col("body_hash").first().over("key")))
    )
    fresh = marked.filter(pl.col("_old").is_null()).drop("_old")
    again = marked.filter(pl.col("_old") == pl.col("body_hash")).drop("_old")
    other = marked.filter(pl.col("_old") != pl.col("body_hash"))
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
