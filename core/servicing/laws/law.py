"""A law's verdict, and the loans at fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from loanbook.core.contract.money import to_major


@dataclass(frozen=True)
class Law:
    """One law's verdict, with the figures it saw."""

    name: str
    holds: bool
    broken: int
    """Rows (loans, payments or accounts) that break it."""
    figures: str
    found: pl.DataFrame = field(default_factory=pl.DataFrame)
    """The rows that break it: `loan_id`, where a loan breaks it, and figures by their meaning (Int64:
    minor units)."""


def verdict(name: str, broken: pl.DataFrame, figures: str) -> Law:
    """A law that holds if no row is `broken`."""
    return Law(name, broken.is_empty(), broken.height, figures, broken)


_COUNT = re.compile(r"(?<![\w-])-?\d+(?![\w-])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def in_all(figures: Sequence[str]) -> str:
    """The figures of one law over parts of a book as those over the whole: counts and sums added up, and of dates
    the first."""
    dates = [date for each in figures for date in _DATE.findall(each)]
    words = [_DATE.sub("{date}", each) for each in figures]
    sums = [
        sum(counts) for counts in zip(*(map(int, _COUNT.findall(e)) for e in words), strict=True)
    ]
    told = iter(sums)
    said = _COUNT.sub(lambda _: str(next(told)), words[0])
    return said.replace("{date}", min(dates)) if dates else said


AT_FAULT = {"loan_id": pl.Int64, "law": pl.String, "figures": pl.String}
"""Schema of loans that break a law, or that the engine fails on."""


def at_fault(laws: list[Law], currencies: dict[int, str], most: int | None = None) -> pl.DataFrame:
    """Loans that break laws (`AT_FAULT`), the first law of each; of one law no more than `most` of them.

    `currencies`: as `in_words` has them. Laws whose rows name no loan are left out.
    """
    rows = [pl.DataFrame(schema=AT_FAULT)]
    for law in laws:
        if law.holds or "loan_id" not in law.found.columns:
            continue
        loans = law.found.filter(pl.col("loan_id") > 0).unique("loan_id", maintain_order=True)
        few = loans if most is None else loans.head(most)
        words = pl.Series(in_words(few, currencies), dtype=pl.String)
        rows.append(few.select("loan_id", law=pl.lit(law.name)).with_columns(figures=words))
    return pl.concat(rows).unique("loan_id", keep="first", maintain_order=True)


def in_words(found: pl.DataFrame, currencies: dict[int, str]) -> list[str]:
    """Each row that breaks a law in words, money in units of the loan's currency.

    `currencies`: by `loan_id`, as ISO codes; minor units where a loan's is not known. Rows are few.
    """
    return [_words(row, currencies.get(row.get("loan_id", 0))) for row in found.to_dicts()]


_NUMBERS = {"loan_id", "event_id", "business_date", "entity", "product", "currency", "account"}
"""Columns that are no money, though they may be numbers."""


def _words(row: dict[str, object], currency: str | None) -> str:
    parts = []
    for name, value in row.items():
        if name == "loan_id" or value is None:
            continue
        text = str(value)
        if isinstance(value, int) and name not in _NUMBERS:
            text = to_major(value, currency) if currency else f"{value} minor units"
        parts.append(text if isinstance(value, str) else f"{name.replace('_', ' ')} {text}")
    return ", ".join(parts)
