"""What all row formats share: reading CSV text, and splitting rows by a contract's rules."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.contract.due_dates import Unit
from loanbook.core.contract.money import PPB
from loanbook.core.errors import IntakeError


@dataclass(frozen=True)
class Parsed:
    """Rows of a file: the good ones typed, the bad ones with the rule they broke."""

    rows_in: int
    good: pl.DataFrame
    bad: list[dict[str, Any]]
    """`line`, `rule`, `found` of every refused row."""


def read_csv(data: bytes, required: list[str]) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows as text with `line`, and lines that are no rows (another number of fields, an open quote).

    A row is a line: a field holds no line break.

    Raises IntakeError if the file as a whole is not such a table.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise IntakeError(
            f"not UTF-8 text (byte {bad.start} is {data[bad.start]:#04x}); expected a CSV file "
            "with a header; export it again"
        ) from bad
    if "\0" in text:
        raise IntakeError("not a CSV file: it holds NUL bytes; export it again as text")
    head, *body = text.split("\n")
    header = _fields(head) or []
    _check_header(header, required)
    rows, broken = _rows(body, len(header))
    frame = pl.DataFrame(
        [fields for _, fields in rows], schema=dict.fromkeys(header, pl.String), orient="row"
    )
    lines = pl.Series([number for number, _ in rows], dtype=pl.Int64)
    return frame.with_columns(line=lines), broken


def _check_header(header: list[str], required: list[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise IntakeError(
            f"the header has no column {', '.join(missing)}; found "
            f"{', '.join(header)[:120] or 'an empty file'}; check that this is the right kind "
            "of file, or mend the mapping"
        )
    if "line" in required:
        raise IntakeError(
            "a mapping names the column 'line', which is kept for the number of a line; give it "
            "another name in the file"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise IntakeError(
            f"the header names a column twice: {', '.join(twice)[:120]}; give each column a name "
            "of its own"
        )


def _rows(body: list[str], width: int) -> tuple[list[tuple[int, list[str]]], list[dict[str, Any]]]:
    """Line number (the header is 1) and fields of each row, and the lines that are none.

    Each line that is not blank is one of the two, so a quote that stays open spoils its own line and
    swallows none that follow.
    """
    rows: list[tuple[int, list[str]]] = []
    broken: list[dict[str, Any]] = []
    for number, line in enumerate(body, start=2):
        if not line.strip("\r"):
            continue
        fields = _fields(line)
        if fields is None:
            broken.append({"line": number, "rule": "not_one_row",
                           "found": "a quote or a line break within the line"})  # fmt: skip
        elif len(fields) == width:
            rows.append((number, fields))
        else:
            rule = "truncated_row" if len(fields) < width else "too_many_fields"
            broken.append(
                {"line": number, "rule": rule, "found": f"{len(fields)} of {width} fields"}
            )
    return rows, broken


def _fields(line: str) -> list[str] | None:
    """Fields of one line; none if a quote is not closed on it, or stands within a field."""
    line = line.removesuffix("\r")
    if "\r" in line:
        return None
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return None


EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2299, 12, 31)
"""Dates that a file may name."""


def date_in(column: str, form: str = "%Y-%m-%d") -> pl.Expr:
    """The date that a text column names; null where it is none, or none between the bounds."""
    date = pl.col(column).str.strip_chars().str.to_date(form, strict=False)
    return pl.when(date.is_between(EARLIEST, LATEST)).then(date)


def percent_ppb(column: str) -> pl.Expr:
    """Parts per billion (Int64) of a plain decimal string of per cent, its sign written or not; null
    where it is finer than that, or is written otherwise: nothing is rounded on the way in."""
    text = pl.col(column).str.strip_chars().str.strip_suffix("%").str.strip_chars_end()
    plain = text.str.contains(r"^-?\d{1,3}(\.\d{1,7}0*)?$")
    exact = text.cast(pl.Decimal(18, 7), strict=False) * (PPB // 100)
    return pl.when(plain).then(exact.cast(pl.Int64))


def unit_code(name: pl.Expr) -> pl.Expr:
    """Code of a period's unit (Int64): months where its name is empty, null where it is none."""
    codes = {unit.name: unit.value for unit in Unit} | {"": Unit.months.value}
    return name.replace_strict(codes, default=None, return_dtype=pl.Int64)


_A_YEAR = {Unit.months: 12, Unit.weeks: 52, Unit.days: 365, Unit.semi_monthly: 24}


def within_the_calendar(first: str, every: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """Whether the last of `instalments`, the first due on the date `first`, falls due by `LATEST`.

    `unit`: code of what `every` counts. What is missing is judged by the rules of its own.
    """
    a_year = unit.replace_strict(
        {each.value: count for each, count in _A_YEAR.items()}, default=None, return_dtype=pl.Int64
    )
    years = (pl.col("instalments").cast(pl.Int64) * every / a_year).ceil()
    return (pl.col(first).dt.year() + years <= LATEST.year).fill_null(True)


def split(
    typed: pl.DataFrame, contract: type[dy.Schema], shown: str
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Good rows, and the refused ones with the first rule they break.

    `shown` is the column that is quoted in the quarantine: never one with personal data.
    """
    good, failure = contract.filter(typed)
    details = failure.details()
    if details.is_empty():
        return good, []
    rules = [c for c in details.columns if c not in contract.column_names()]
    first = pl.coalesce(
        pl.when(pl.col(rule).cast(pl.String) == "invalid").then(pl.lit(rule)) for rule in rules
    )
    rows = details.select(
        "line", rule=first.fill_null("contract"), found=pl.col(shown).cast(pl.String)
    )
    bad = rows.with_columns(pl.col("rule").str.replace(r"^(.*)\|", "${1}_")).to_dicts()
    return good, bad
