"""Accounts as the rails have them: their form and check digits, as expressions over a column."""

from __future__ import annotations

import polars as pl

_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)
_LETTERS = {chr(ord("A") + n): str(10 + n) for n in range(26)}
_PIECE = 9
"""Digits that are divided at a time: a remainder of two digits before them fits Int64."""


def routing_number(text: pl.Expr) -> pl.Expr:
    """Whether it is nine digits whose weighted sum is whole tens (ABA check digit)."""
    digits = (text.str.slice(n, 1).str.to_integer(strict=False) * w for n, w in enumerate(_WEIGHTS))
    return text.str.contains(r"^[0-9]{9}$") & (pl.sum_horizontal(digits) % 10 == 0)


def iban(text: pl.Expr) -> pl.Expr:
    """Whether it is an IBAN by form and check digits, blanks apart (ISO 13616, modulo 97 of ISO 7064)."""
    plain = text.str.replace_all(" ", "")
    turned = pl.concat_str(plain.str.slice(4), plain.str.slice(0, 4))
    digits = turned.str.replace_many(list(_LETTERS), list(_LETTERS.values()))
    rest = pl.lit("")
    for start in range(0, 70, _PIECE):
        number = pl.concat_str(rest, digits.str.slice(start, _PIECE)).str.to_integer(strict=False)
        rest = (number % 97).cast(pl.String).fill_null("")
    formed = plain.str.contains(r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$")
    return formed & (rest == "1")


def of_the_rail() -> pl.Expr:
    """Whether `bank`, `account` and `holder` (text) are such as the `rail` takes."""
    bank = pl.col("bank").str.replace_all(" ", "")
    bic = bank.str.contains(r"^([A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?)?$")
    named = pl.col("holder").str.strip_chars().str.len_chars().is_between(1, 70)
    plain = pl.col("account").str.contains(r"^[A-Za-z0-9][A-Za-z0-9 -]{0,16}$")
    nacha = routing_number(bank) & plain
    sepa = bic & iban(pl.col("account")) & (pl.col("account_type") == "")
    return named & pl.when(pl.col("rail") == "nacha").then(nacha).otherwise(sepa)
