"""Cells of a loan tape as its mapping has them: amounts, rates, units, whole numbers, dates."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.pipelines.formats.mapped import plain
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.table import (
    date_in,
    percent_ppb,
    unit_code,
    whole_number,
)


def signed_minor(text: pl.Expr, exponent: pl.Expr) -> pl.Expr:
    """Minor units of a decimal string that may have a minus sign."""
    text = text.str.strip_chars()
    cents = exact_minor(text.str.strip_prefix("-"), exponent)
    return pl.when(text.str.starts_with("-")).then(-cents).otherwise(cents)


def rounded_minor(text: pl.Expr, decimals: int) -> pl.Expr:
    """Minor units (Int64) of a plain decimal string of up to 12 decimals, rounded half to even: for
    figures that are only compared. Null where it is no number. `decimals`: of the currency."""
    exact = text.str.strip_chars().cast(pl.Decimal(30, 12), strict=False) * 10**decimals
    return exact.round(0, mode="half_to_even").cast(pl.Int64, strict=False)


def rate(column: str, mapping: TapeMapping) -> pl.Expr:
    """Parts per billion of a column's percentage (Int64)."""
    return percent_ppb(plain(pl.col(column), mapping.amounts))


def amount(column: str, mapping: TapeMapping, exponent: pl.Expr) -> pl.Expr:
    """Minor units of a column's amount (Int64)."""
    return exact_minor(plain(pl.col(column), mapping.amounts), exponent)


def unit(of: dict[str, str]) -> pl.Expr:
    """Code of the period's unit; months where the mapping has none."""
    if "unit" not in of:
        return pl.lit(Unit.months.value, dtype=pl.Int64)
    return unit_code(pl.col(of["unit"]).str.strip_chars())


YES_OR_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Cells:
    """Fields of a tape as its mapping has them: text by field, read as what it should be.

    `of`: column of each field that there is. `exponent`: decimals of the currency.
    """

    of: dict[str, str]
    mapping: TapeMapping
    exponent: pl.Expr

    def text(self, field: str) -> pl.Expr:
        """The cell without outer spaces; null where no column has the field."""
        none = pl.lit(None, dtype=pl.String)
        return pl.col(self.of[field]).str.strip_chars() if field in self.of else none

    def whole(self, field: str, default: int) -> pl.Expr:
        """A whole number; where there is no such column, or the cell is empty, `default`."""
        if field not in self.of:
            return pl.lit(default, dtype=pl.Int64)
        text = self.text(field)
        number = whole_number(text)
        return pl.when(text == "").then(pl.lit(default, dtype=pl.Int64)).otherwise(number)

    def money(self, field: str, default: int | None) -> pl.Expr:
        """Minor units; where there is no such column, or the cell is empty, `default`."""
        if field not in self.of:
            return pl.lit(default, dtype=pl.Int64)
        minor = amount(self.of[field], self.mapping, self.exponent)
        empty = self.text(field) == ""
        return pl.when(empty).then(pl.lit(default, dtype=pl.Int64)).otherwise(minor)

    def date(self, field: str) -> pl.Expr:
        """The date of a field that every tape has."""
        return date_in(self.of[field], self.mapping.date_format)
