"""What all row formats share: reading CSV text, and splitting rows by a contract's rules."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.errors import IntakeError


@dataclass(frozen=True)
class Parsed:
    """Rows of a file: the good ones typed, the bad ones with the rule they broke."""

    rows_in: int
    good: pl.DataFrame
    bad: list[dict[str, Any]]
    """`line`, `rule`, `found` of every refused row."""


def read_csv(data: bytes, required: list[str]) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows as text with `line`, and rows that are no rows (wrong number of fields).

    Raises IntakeError if the file as a whole is not such a table.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise IntakeError(
            f"not UTF-8 text (byte {bad.start} is {data[bad.start]:#04x}); expected a CSV file "
            "with a header; export it again"
        ) from bad
    reader = csv.reader(io.StringIO(text))
    try:
        header = next(reader, [])
        missing = [name for name in required if name not in header]
        if missing:
            raise IntakeError(
                f"the header has no column {', '.join(missing)}; found "
                f"{', '.join(header)[:120] or 'an empty file'}; check that this is the right kind "
                "of file, or mend the mapping"
            )
        lines, rows, broken = [], [], []
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                broken.append(
                    {"line": reader.line_num, "rule": "truncated_row" if len(fields) < len(header)
                     else "too_many_fields", "found": f"{len(fields)} of {len(header)} fields"}
                )  # fmt: skip
                continue
            lines.append(reader.line_num)
            rows.append(fields)
    except csv.Error as bad:
        raise IntakeError(f"not a CSV file at line {reader.line_num}: {bad}") from bad
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    return frame.with_columns(line=pl.Series(lines, dtype=pl.Int64)), broken


EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2299, 12, 31)
"""Dates that a file may name."""


def date_in(column: str, form: str = "%Y-%m-%d") -> pl.Expr:
    """The date that a text column names; null where it is none, or none between the bounds."""
    date = pl.col(column).str.strip_chars().str.to_date(form, strict=False)
    return pl.when(date.is_between(EARLIEST, LATEST)).then(date)


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
