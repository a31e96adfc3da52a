"""Amounts and dates as they stand in files of text, one at a time."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import polars as pl

from loanbook.core.contract.currencies import EXPONENTS, UNSTATED
from loanbook.core.contract.money import MAX_MINOR

AMOUNT = re.compile(r"^([0-9]{0,18})(?:[.,]([0-9]{0,18}))?$")
ISO_DATE = re.compile(r"^([0-9]{4})-([0-9]{2})-([0-9]{2})")


def minor_of(text: str | None, currency: str | None) -> tuple[int | None, str | None]:
    """Minor units of a plain decimal without a sign, comma or point before its decimals; or None and the
    kind of problem. Zeros beyond the currency's decimals do no harm. No currency: two decimals."""
    match = AMOUNT.match((text or "").strip())
    if not match or not (match[1] or match[2]):
        return None, "amount_not_numeric"
    if currency and currency not in EXPONENTS:
        return None, "unknown_currency"
    places = EXPONENTS[currency] if currency else UNSTATED
    decimals = (match[2] or "").rstrip("0")
    if len(decimals) > places:
        return None, "amount_finer_than_currency"
    minor = int(match[1] or 0) * 10**places + int(decimals.ljust(places, "0") or 0)
    if minor > MAX_MINOR:
        return None, "amount_too_large"
    return minor, None


def minor_columns(text: pl.Series, currency: pl.Series) -> pl.DataFrame:
    """`minor_of` of columns: `amount` (minor units) and `why` (the kind of problem), one of them null."""
    told = pl.DataFrame(
        {"text": text, "currency": currency}, schema={"text": pl.String, "currency": pl.String}
    )
    currencies = told["currency"].unique()
    places = [EXPONENTS.get(each) if each else UNSTATED for each in currencies]
    of = pl.DataFrame(
        {"currency": currencies, "places": places}, schema_overrides={"places": pl.Int64}
    )
    groups = pl.col("text").fill_null("").str.strip_chars().str.extract_groups(AMOUNT.pattern)
    read = told.join(of, on="currency", how="left", nulls_equal=True, maintain_order="left").select(
        "places", groups.struct.rename_fields(["whole", "parts"])
    ).unnest("text").with_columns(decimals=pl.col("parts").fill_null("").str.strip_chars_end("0"))  # fmt: skip
    digits, length = (
        pl.col("whole").fill_null(""),
        pl.col("decimals").str.len_bytes().cast(pl.Int64),
    )
    places_, ten = pl.col("places"), pl.lit(10, pl.Int64)
    rest = pl.max_horizontal(places_ - length, 0)
    minor = _number("whole").cast(pl.Int128) * ten.pow(places_) + _number("decimals") * ten.pow(
        rest
    )
    why = (
        pl.when((digits == "") & (pl.col("parts").fill_null("") == "")).then(pl.lit("amount_not_numeric"))
        .when(places_.is_null()).then(pl.lit("unknown_currency"))
        .when(length > places_).then(pl.lit("amount_finer_than_currency")).when(minor > MAX_MINOR).then(pl.lit("amount_too_large"))
    )  # fmt: skip
    return read.select(amount=minor, why=why).select(
        amount=pl.when(pl.col("why").is_null()).then("amount").cast(pl.Int64), why="why"
    )


def _number(digits: str) -> pl.Expr:
    return pl.col(digits).cast(pl.Int64, strict=False).fill_null(0)


def count_of(text: str | None) -> int | None:
    """How many a file states, of fifteen digits at most; None if it is no number."""
    told = text or ""
    return int(told) if told.isascii() and told.isdecimal() and len(told) <= 15 else None


FINEST = max(EXPONENTS.values())


def finest(minor: int, currency: str | None) -> int:
    """Minor units as whole parts of the finest currency's minor unit: totals that a file states
    irrespective of currencies are compared in it."""
    return int(minor * 10 ** (FINEST - EXPONENTS.get(currency or "", UNSTATED)))


def plain(parts: int) -> str:
    """What `finest` makes, as a decimal."""
    return f"{Decimal(parts).scaleb(-FINEST):f}"


def total_of(text: str | None) -> int | None:
    """A total of whatever currency, in the parts of `finest`; None if it is none."""
    match = AMOUNT.match((text or "").strip())
    if not match or not (match[1] or match[2]) or len((match[2] or "").rstrip("0")) > FINEST:
        return None
    return int(match[1] or 0) * 10**FINEST + int((match[2] or "").rstrip("0").ljust(FINEST, "0"))


def iso_dates(text: pl.Series) -> pl.Series:
    """`iso_date` of a column."""
    days = text.unique().drop_nulls()
    read = pl.DataFrame(
        {"day": days, "date": [iso_date(each) for each in days]},
        schema={"day": pl.String, "date": pl.Date},
    )
    return (
        text.rename("day")
        .to_frame()
        .join(read, on="day", how="left", maintain_order="left")["date"]
    )


def iso_date(text: str | None) -> dt.date | None:
    """The date that a text begins with (YYYY-MM-DD, whatever time and zone follow); None if it is none."""
    match = ISO_DATE.match((text or "").strip())
    if not match:
        return None
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
