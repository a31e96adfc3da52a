"""Borrower flags: what becomes known of a borrower, with the loan's terms from the day on.

A flag changes no figure of the contract by itself. Policies read it: bankruptcy and fraud end the
accrual of income (`core.servicing.accounting`).
"""

from __future__ import annotations

import polars as pl

from core.ledger.codes import Flag, Kind
from core.servicing.running import Running

BODY = pl.Struct({"flag": pl.String})
"""What the payload of a flag says, as JSON: a name of `Flag`."""


def flag(day: Running, events: pl.DataFrame) -> None:
    """Set or clear flags, one a loan."""
    told = events.select(
        "loan_id", "event_id", "kind", pl.col("payload").str.json_decode(BODY).alias("body")
    ).unnest("body")
    bits = {name: code.value for name, code in Flag.__members__.items()}
    told = told.with_columns(bit=pl.col("flag").replace_strict(bits, return_dtype=pl.Int16))
    asked = day.touched.join(
        told.select("loan_id", "bit", "kind"), on="loan_id", how="left", maintain_order="left"
    )
    known, bit = pl.col("flags").fill_null(0), pl.col("bit")
    # bit by bit: & and | of two columns; a cleared bit is one that was set, taken off
    cleared = known - (known & bit)
    flags = pl.when(pl.col("kind") == Kind.flag_set.value).then(known | bit).otherwise(cleared)
    day.touched = asked.with_columns(
        flags=pl.when(bit.is_not_null()).then(flags.cast(pl.Int16)).otherwise("flags")
    ).select(day.touched.columns)
    day.changed.append(told.select("loan_id", "event_id"))
