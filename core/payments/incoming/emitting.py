"""The events of payments: made here and nowhere else."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import CURRENCY_CODES

RECEIVED = Kind.payment_received
"""The kind of event that a payment is."""
PAYMENT = (
    "line",
    "loan_id",
    "loan_key",
    "entity_name",
    "value_date",
    "amount",
    "currency",
    "source_ref",
)
"""What a row must say to become one: `currency` by its code, `source_ref` the sender's own reference."""


def payments_of(
    applied: pl.DataFrame, loans: pl.DataFrame, beside: tuple[str, ...] = ()
) -> pl.DataFrame:
    """Entries that are applied as rows that become payments (columns `PAYMENT`), each under its entry's id.

    `applied`: `line`, `loan_id`, `value_date`, `amount`, `entry_id`, and columns that are to stand `beside`;
    `loans`: `loan_id`, `loan_key`, `entity_name`, `currency` (name).
    """
    of = loans.select("loan_id", "loan_key", "entity_name", loan_currency="currency")
    joined = applied.join(of, on="loan_id", maintain_order="left")
    code = pl.col("loan_currency").replace_strict(CURRENCY_CODES, return_dtype=pl.Int8)
    return joined.with_columns(currency=code, source_ref="entry_id").select(*PAYMENT, *beside)
