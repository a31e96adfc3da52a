"""What files of work on late loans share: their cells as text, and moments with their offset."""

from __future__ import annotations

import polars as pl

from loanbook.pipelines.formats.table import Bad, read_csv

AT = "time with its offset: 2024-03-10T07:30:00-05:00, or with Z"
LOAN = "text: the loan number of its tape"


def texts_of(data: bytes, columns: list[str]) -> tuple[pl.DataFrame, Bad]:
    """Cells of a file without outer spaces, and the lines that are no rows. Raises IntakeError if it is none."""
    raw, broken = read_csv(data, columns)
    return raw.select("line", pl.col(columns).str.strip_chars()), broken


def moment(column: str) -> pl.Expr:
    """The instant (UTC, without its zone) of a time with an offset; null where it is none."""
    text = pl.col(column).str.replace(r"Z$", "+00:00")
    whole = text.str.contains(
        r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}$"
    )
    told = (
        pl.when(whole)
        .then(text)
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", strict=False, time_unit="us", time_zone="UTC")
    )
    return told.dt.replace_time_zone(None).alias("moment")
