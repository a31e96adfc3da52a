"""Loan tapes: a lender's own columns, mapped to canonical terms by a policy file."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import completed
from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.core.policy.product import Product
from loanbook.pipelines.formats.table import (
    split,
)
from loanbook.pipelines.formats.tape.cells import Cells
from loanbook.pipelines.formats.tape.dates import anchor, maturity, on_cycle
from loanbook.pipelines.formats.tape.openings import opening
from loanbook.pipelines.formats.tape.quoted import texts, unread, with_bounds
from loanbook.pipelines.formats.tape.rows import constant_of
from loanbook.pipelines.formats.tape.rules import Tape
from loanbook.pipelines.formats.tape.terms import bounds, floating, terms_told


def parse(
    raw: pl.DataFrame, mapping: TapeMapping, product: Product, file_date: dt.date
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Canonical loans of one product, of the rows of `read`; and the rows refused."""
    of = {field: column for field, column in mapping.columns.items() if column in raw.columns} | {
        field: constant_of(field) for field in mapping.constants
    }
    cells = Cells(of, mapping, pl.lit(EXPONENT[product.currency], dtype=pl.UInt32))
    typed = raw.select(
        "line",
        "loan_key",
        "doubled",
        **terms_told(cells, product),
        **anchor(of, mapping.date_format),
        **maturity(of, mapping.date_format),
        **floating(of, mapping),
        **opening(mapping, cells.exponent, file_date),
        **bounds(product),
    )
    typed = on_cycle(typed)
    not_read = unread(raw, of, mapping, typed)
    is_unread = pl.any_horizontal(pl.lit(False), *not_read.values())  # noqa: FBT003
    typed = typed.with_columns(raw.with_columns(unread=is_unread)["unread"])
    return split(
        typed, Tape, "loan_key", lambda: with_bounds(texts(raw, of, mapping, typed), product)
    )


def terms(good: pl.DataFrame, product: int, entity: int, currency: str) -> pl.DataFrame:
    """Columns of `Terms` but `loan_id`, with `loan_key` and `line`, sorted by key.

    What a tape does not bring is as the schema has it where a loan begins.
    """
    brought = good.sort("loan_key").select(
        "loan_key",
        "line",
        product=pl.lit(product, dtype=pl.Int16),
        entity=pl.lit(entity, dtype=pl.Int16),
        currency=pl.lit(CURRENCY_CODES[currency], dtype=pl.Int8),
        principal_agreed="principal",
        balloon="balloon",
        rate_ppb="rate_ppb",
        instalments=pl.col("instalments").cast(pl.Int16),
        every=pl.col("every").cast(pl.Int16),
        unit=pl.col("unit").cast(pl.Int8),
        disbursed_on="disbursed_on",
        first_due_date="first_due_date",
        anchor_day=pl.col("anchor_day").cast(pl.Int8),
        second_anchor_day=pl.col("second_anchor_day").cast(pl.Int8),
        end_of_month="end_of_month",
        emi="instalment",
        matures_on="matures_on",
        due_date_changes="due_date_changes",
        interest_only=pl.when(pl.col("interest_only") != pl.col("interest_only_of_product"))
        .then("interest_only")
        .cast(pl.Int16),
        agreed_schedule="agreed_schedule",
        schedule_fixed_on=pl.when(pl.col("agreed_schedule").is_not_null()).then("disbursed_on"),
        stub_interest_agreed=pl.col("stub_interest").cast(pl.Int8),
        first_interest_adjustment="first_interest_adjustment",
        spread_ppb="spread_ppb",
        first_reset_on="first_reset_on",
        taken_over_on="taken_over_on",
        principal_left=pl.col("opening_principal") - pl.col("opening_principal_due"),
        jurisdiction="jurisdiction",
    )
    return completed(brought, Terms)
