"""Daily payment files: one receipt a row, with the sender's own reference."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT, MAX_MINOR
from loanbook.core.policy.file_mappings import (
    CANONICAL_PAYMENTS,
    PAYMENT_OPTIONAL,
    PAYMENT_REQUIRED,
    PaymentMapping,
)
from loanbook.core.servicing.payments.receipts import DESIGNATIONS
from loanbook.pipelines.formats.mapped import canonical, plain
from loanbook.pipelines.formats.table import AMOUNT, Parsed, date_in, shared, split

COLUMNS = ["payment_ref", *PAYMENT_REQUIRED]


IS_A_NUMBER = shared(pl.col("amount").str.contains(rf"^-?{AMOUNT}$"))
IS_POSITIVE = shared(pl.col("scaled").is_null() | (pl.col("scaled") > 0))
IS_WITHIN_BOUNDS = shared(pl.col("scaled").is_null() | (pl.col("scaled") <= float(MAX_MINOR)))
IS_EXACT = shared(
    ~(pl.col("scaled").is_not_null() & (pl.col("scaled") <= float(MAX_MINOR)))
    | pl.col("minor").is_not_null()
)
NAMES_A_CURRENCY = shared(pl.col("currency").is_in(list(CURRENCY_CODES)))
"""Rules of what a row's amount must be (`OfAnAmount`); none is finer than its currency (`IS_EXACT`). A contract names them where
their turn is: of the rules that a row breaks it is told the first."""


class OfAnAmount(dy.Schema):
    """What a row with an amount has (`MINOR_OF_ROW`)."""

    amount = dy.String()
    scaled = dy.Float64(nullable=True)
    minor = dy.Int64(nullable=True)
    currency = dy.String()


class Receipts(OfAnAmount):
    """A payment as it may enter: money exact to the currency, dated not after its file."""

    line = dy.Int64()
    payment_ref = dy.String(min_length=1, max_length=64)
    loan_key = dy.String(min_length=1)
    value_date = dy.Date(nullable=True)
    designation = dy.String()
    file_date = dy.Date()

    amount_not_a_number = IS_A_NUMBER
    amount_not_positive = IS_POSITIVE
    amount_out_of_bounds = IS_WITHIN_BOUNDS
    amount_finer_than_currency = IS_EXACT
    unknown_currency = NAMES_A_CURRENCY

    @dy.rule()
    def value_date_not_a_date(cls) -> pl.Expr:
        return pl.col("value_date").is_not_null()

    @dy.rule()
    def unknown_designation(cls) -> pl.Expr:
        return pl.col("designation").is_in(["", *DESIGNATIONS])

    @dy.rule()
    def payment_in_the_future(cls) -> pl.Expr:
        return pl.col("value_date").is_null() | (pl.col("value_date") <= pl.col("file_date"))


EXPONENT_OF_ROW = pl.col("currency").replace_strict(EXPONENT, default=2, return_dtype=pl.UInt32)
"""Decimals of the currency that a row names; where it names none that loanbook knows, a rule of its own refuses it."""


def exact_minor(amount: pl.Expr, exponent: pl.Expr = EXPONENT_OF_ROW) -> pl.Expr:
    """Whole minor units of a plain decimal string; null where it has more decimals or is
    written otherwise (`table.AMOUNT`). Digits only: no float takes part."""
    whole = amount.str.extract(r"^\s*(0|[1-9][0-9]{0,15})(?:\.[0-9]+)?\s*$", 1)
    fraction = amount.str.extract(r"^\s*[0-9]{1,16}\.([0-9]*?)0*\s*$", 1).fill_null("")
    fits = fraction.str.len_chars() <= exponent
    padded = pl.concat_str(whole, fraction.str.pad_end(3, "0").str.slice(0, exponent))
    return pl.when(fits & whole.is_not_null()).then(padded.str.to_integer(strict=False))


MINOR_OF_ROW = {
    "scaled": pl.col("amount").cast(pl.Float64, strict=False) * pl.lit(10.0).pow(EXPONENT_OF_ROW),
    "minor": exact_minor(pl.col("amount")),
}
"""A row's `amount` in minor units: about, to judge it by, and exactly."""


def parse(data: bytes, file_date: dt.date, mapping: PaymentMapping = CANONICAL_PAYMENTS) -> Parsed:
    """Receipts of a payment file. Raises IntakeError if it is none."""
    texts, broken = canonical(data, mapping, "payment_ref", PAYMENT_OPTIONAL)
    amount = plain(pl.col("amount"), mapping.amounts)
    if mapping.sign == "minus":  # money in without a minus sign is money out, which is refused
        negative = amount.str.starts_with("-")
        amount = (
            pl.when(negative)
            .then(amount.str.strip_prefix("-"))
            .when(amount.str.contains(r"^[0-9]"))
            .then(pl.lit("-") + amount)
            .otherwise(amount)
        )
    typed = texts.with_columns(amount=amount).select(
        "line", "payment_ref", "loan_key", "amount", "currency", "designation",
        **MINOR_OF_ROW,
        value_date=date_in("value_date", mapping.date_format),
        file_date=pl.lit(file_date),
    )  # fmt: skip
    good, bad = split(typed, Receipts, "payment_ref", lambda: texts)
    return Parsed(
        texts.height + len(broken), good.drop("scaled", "file_date", "amount"), broken + bad
    )
