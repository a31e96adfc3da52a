"""Boarding: terms travel in the payload of the event that boards the loan."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty


def payload(terms: pl.DataFrame) -> pl.Expr:
    """The JSON payload of a `loan_boarded` event: every term by its name."""
    return pl.struct(Terms.column_names()).struct.json_encode()


def terms_of(boarded: pl.DataFrame) -> pl.DataFrame:
    """Terms (schema `Terms`) from the payloads of `loan_boarded` events."""
    schema = empty(Terms).schema
    if boarded.is_empty():
        return empty(Terms)
    decoded = boarded.select(
        pl.col("payload").str.json_decode(pl.Struct(dict(schema))).alias("terms")
    ).unnest("terms")
    return decoded.with_columns(loan_id=boarded["loan_id"]).cast(schema).sort("loan_id")
