"""Risk events from an offset on, through a reader's views: its rows, its masks."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from loanbook.core.risk_events.cloud import TOLD
from loanbook.core.store.closing.risk_events import A_VERSION
from loanbook.core.store.views import CAUSES

_SINCE = """
    SELECT r.*, k.loan_key, v.business_date > r.business_date AS late
    FROM risk_events r LEFT JOIN loan_keys k USING (loan_id) LEFT JOIN versions v USING (version)
    WHERE r.sequence > $since AND r.version BETWEEN $first AND $last ORDER BY r.sequence LIMIT $most
"""
_NEWS = f"""
    SELECT version, loan_id, list(DISTINCT event_id ORDER BY event_id) AS news FROM ({CAUSES})
    WHERE version IN (SELECT unnest($versions)) GROUP BY version, loan_id
"""
_LAST = "SELECT coalesce(max(version), 0) FROM publications"
_ALL = 2**62
VERSIONS = 8
"""That are looked at for the next events, and four times as many where those have too few: files of others are not opened,
so that who reads all in parts reads each part once."""


def events_since(
    query: Callable[..., pl.DataFrame], since: int, most: int | None = None
) -> pl.DataFrame:
    """Events (`TOLD`) above an offset, in their order, the first `most` of them."""
    first, last = since // A_VERSION, int(query(_LAST).item())
    span = VERSIONS if most is not None else last - first + 1
    while True:
        rows = query(
            _SINCE,
            {
                "since": since,
                "most": _ALL if most is None else most,
                "first": first,
                "last": first + span,
            },
        )
        if rows.height >= (most or 0) or first + span >= last:
            break
        span *= 4
    nothing = pl.lit([], pl.List(pl.Int64))
    ids = pl.col("event_ids").str.split(" ").cast(pl.List(pl.Int64)).fill_null(nothing)
    versions = rows.filter(pl.col("late").fill_null(False))["version"].unique().to_list()
    if not versions:
        return _typed(rows.with_columns(events=ids, news=nothing))
    news = query(_NEWS, {"versions": versions}).select(
        pl.col("version").cast(pl.Int64), pl.col("loan_id").cast(pl.Int64), pl.col("news").cast(pl.List(pl.Int64))
    )  # fmt: skip
    joined = rows.join(news, on=["version", "loan_id"], how="left", maintain_order="left")
    late = pl.when(pl.col("late").fill_null(False)).then(pl.coalesce("news", nothing))
    return _typed(joined.with_columns(events=ids, news=late.otherwise(nothing)))


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(kind) for name, kind in TOLD.items())
