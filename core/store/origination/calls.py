"""Calls of providers that were answered: who was asked, under which reference, with which code, and how long it took."""

from __future__ import annotations

import polars as pl

CALLS = """
    SELECT 'identity' AS what, provider, check_id AS reference, code, latency_ms, checked_on AS on_date, known_on AS recorded
    FROM identity_checks
    UNION ALL
    SELECT 'signature', provider, reference, code::VARCHAR, latency_ms, signed_at::DATE, recorded_at::DATE FROM signatures
    UNION ALL
    SELECT what, provider, reference, NULL, NULL, on_date, recorded_at::DATE FROM party_checks
    ORDER BY on_date DESC, what, provider, reference
"""
"""A row a call, the newest first; code and latency are null where the provider, or who recorded it, told none. Over the views of a
reader."""


def by_provider(calls: pl.DataFrame) -> pl.DataFrame:
    """`what`, `provider`, `calls`, `timed` (of them with a latency), `p50_ms`, `p95_ms`, `most_ms`, `last`: a row a provider; `calls`: rows of
    `CALLS`. Of a hundred latencies p95 is the 95th."""
    latency = pl.col("latency_ms")
    return calls.group_by("what", "provider").agg(
        calls=pl.len(), timed=latency.count(),
        p50_ms=latency.quantile(0.5, "nearest").cast(pl.Int64), p95_ms=latency.quantile(0.95, "nearest").cast(pl.Int64),
        most_ms=latency.max(), last=pl.col("on_date").max(),
    ).sort("what", "provider")  # fmt: skip
