"""The business date that each loan stands at, as a column beside it.

One close has one date for all. A jump takes each loan to its own next date on which something
happens to it. The steps of a day read the column, so that both go through the same ones.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

BUSINESS_DATE = pl.col("business_date")


def dated(frame: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """`frame` with one date for all of its rows."""
    return frame.with_columns(business_date=pl.lit(date))
