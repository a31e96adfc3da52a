"""Instants on the clocks of consumers, zone by zone: daylight saving is what the zone's own rules say."""

from __future__ import annotations

from typing import Literal

import polars as pl

UTC = pl.Datetime("us", "UTC")
APART = ";"
"""Between zones in which a consumer may be."""


def in_utc(rows: pl.DataFrame, schema: pl.Schema, instant: str) -> pl.DataFrame:
    """Rows of the lake, which keeps the column `instant` in UTC and without a zone, in the form of `schema`."""
    return rows.with_columns(pl.col(instant).dt.replace_time_zone("UTC")).cast(schema)


def by_zone(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a row for each zone that `zone` (one, or several set apart by `;`) names."""
    return rows.with_columns(pl.col("zone").str.split(APART)).explode("zone")


def on_the_clock(rows: pl.DataFrame, *instants: str) -> pl.DataFrame:
    """Rows with instants (UTC) as the clock of each row's one `zone` shows them (Datetime without a zone)."""
    parts = [
        part.with_columns(
            pl.col(instants).dt.convert_time_zone(str(zone)).dt.replace_time_zone(None)
        )
        for (zone,), part in rows.group_by("zone", maintain_order=True)
    ]
    return (
        pl.concat(parts) if parts else rows.with_columns(pl.col(instants).cast(pl.Datetime("us")))
    )


def instants(rows: pl.DataFrame, clock: str) -> pl.DataFrame:
    """Rows with `point`, the instants (UTC) at which the clock of the row's one `zone` shows `clock`: two rows where it
    shows it twice. A time that it leaps over is the first one after it, to the half hour."""
    parts = [
        part.with_columns(point=_instant(pl.col(clock), str(zone), which))
        for (zone,), part in rows.group_by("zone", maintain_order=True)
        for which in ("earliest", "latest")
    ]
    return pl.concat(parts) if parts else rows.with_columns(point=pl.lit(None, dtype=UTC))


def _instant(clock: pl.Expr, zone: str, which: Literal["earliest", "latest"]) -> pl.Expr:
    half = clock.dt.truncate("30m")
    tried = (clock, half.dt.offset_by("30m"), half.dt.offset_by("60m"))
    found = (t.dt.replace_time_zone(zone, ambiguous=which, non_existent="null") for t in tried)
    return pl.coalesce(found).dt.convert_time_zone("UTC")
