"""What loans that live already bring: balances on a date, and the event that brings them."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.core.servicing.changes.migration_in import AMOUNTS
from loanbook.pipelines.formats.table import (
    date_in,
)
from loanbook.pipelines.formats.tape.cells import YES_OR_NO, amount


def opening(mapping: TapeMapping, exponent: pl.Expr, on: dt.date) -> dict[str, pl.Expr]:
    """Balances that loans bring on the date, where the mapping has them; one left out is zero."""
    if not mapping.opening:
        absent = {f"opening_{name}": pl.lit(None, dtype=pl.Int64) for name in AMOUNTS}
        nowhere, grace = pl.lit(None, dtype=pl.Date), pl.lit(None, dtype=pl.Boolean)
        return absent | {"taken_over_on": nowhere, "past_due_since": nowhere, "in_grace": grace}
    of = mapping.opening
    amounts = {
        f"opening_{name}": amount(of[name], mapping, exponent)
        if name in of
        else pl.lit(0, dtype=pl.Int64)
        for name in AMOUNTS
    }
    since = of.get("past_due_since")
    late = date_in(since, mapping.date_format) if since else pl.lit(None, dtype=pl.Date)
    grace = pl.lit(True)
    if "in_grace" in of:
        word = pl.col(of["in_grace"]).str.strip_chars().str.to_lowercase()
        grace = word.replace_strict(YES_OR_NO, default=None, return_dtype=pl.Boolean)
    return amounts | {"taken_over_on": pl.lit(on), "past_due_since": late, "in_grace": grace}


def openings(brings: pl.DataFrame, good: pl.DataFrame) -> pl.DataFrame:
    """`brings` with `amount`, the principal, and the JSON `payload` of what each loan brings."""
    balances = good.select(
        "loan_key", *(pl.col(f"opening_{name}").alias(f"_{name}") for name in AMOUNTS),
        _since=pl.col("past_due_since").cast(pl.String), _grace="in_grace",
    )  # fmt: skip
    fields = [pl.col(f"_{name}").alias(name) for name in AMOUNTS]
    body = pl.struct(*fields, past_due_since="_since", in_grace="_grace").struct.json_encode()
    return (
        brings.join(balances, on="loan_key", how="left", maintain_order="left")
        .with_columns(amount="_principal", payload=body)
        .select(*brings.columns, "amount", "payload")
    )


def same_balances(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """Whether two payloads of `openings` bring the same amounts; what one does not name is zero. No payload
    before: the loan was not taken over, nothing is contradicted."""
    amounts = [
        before.str.json_path_match(f"$.{name}").fill_null("0")
        == now.str.json_path_match(f"$.{name}").fill_null("0")
        for name in AMOUNTS
    ]
    return before.is_null() | pl.all_horizontal(amounts)
