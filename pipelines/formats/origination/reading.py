"""CSV, JSON lines and Parquet as one thing: rows of text with their line, and lines that are no rows."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from loanbook.core.errors import IntakeError
from loanbook.pipelines.formats.table import PARQUET, Bad, read_csv

PERSONAL = ("name", "first_name", "last_name", "given_name", "family_name", "legal_name", "full_name", "birth_date",
            "date_of_birth", "ssn", "tax_id", "national_id", "email", "passport")  # fmt: skip
"""Columns that name a person outright: the ledger does not keep them, so a file that has one is refused."""
NAMED = r"^[a-z0-9][a-z0-9-]{0,39}$"
"""How a file names a bureau, or who checked an identity."""


def read_rows(data: bytes, required: list[str]) -> tuple[pl.DataFrame, Bad]:
    """As `rows_of`. IntakeError: required columns are missing, or one names people."""
    rows, broken = rows_of(data)
    must_have(rows.columns, required)
    return rows, broken


def rows_of(data: bytes) -> tuple[pl.DataFrame, Bad]:
    """Rows as text with `line`, and lines that are none. The content tells the form. IntakeError: it is no such file."""
    if is_csv(data):
        return read_csv(data, [])
    return (_parquet(data), []) if data.startswith(PARQUET) else json_rows(data)


def is_csv(data: bytes) -> bool:
    """Whether a file is read as CSV: it is no Parquet, and no JSON lines."""
    return not data.startswith(PARQUET) and data.lstrip()[:1] != b"{"


def must_have(columns: Collection[str], required: Iterable[str]) -> None:
    """IntakeError where required columns are missing, or some name a person."""
    missing = [name for name in required if name not in columns]
    if missing:
        raise IntakeError(
            f"the file has no field {', '.join(missing)}; found {', '.join(columns)[:120]}; mend it, or the mapping"
        )
    personal = sorted({name for name in columns if name.strip().lower() in PERSONAL})
    if personal:
        raise IntakeError(
            f"the file has {', '.join(personal)}: names, birth dates and numbers of people are not kept beside applications; "
            "leave them out and send a token of your own as `applicant`"
        )


def texts_of(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """`line` and fields of rows, without blanks around; empty where a row, or the whole file, has none."""
    lacking = [pl.lit("").alias(name) for name in names if name not in rows.columns]
    return rows.with_columns(lacking).select("line", pl.col(names).fill_null("").str.strip_chars())


def moment_in(name: str) -> pl.Expr:
    """A text as 2025-01-31T09:00:00, with a Z or without, as a moment (Datetime, UTC); null: it is none."""
    text = pl.col(name).str.strip_suffix("Z")
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False).cast(pl.Datetime("us"))


def json_lines(data: bytes) -> tuple[list[tuple[int, dict[str, Any], str]], Bad]:
    """Line number, object and text of each line; numbers stay as they are written. Lines that hold none are refused."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise IntakeError(f"not UTF-8 text (byte {bad.start}); export it again") from bad
    found: list[tuple[int, dict[str, Any], str]] = []
    broken: Bad = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line, parse_float=str, parse_int=str, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            found.append((number, told, line.strip()))
        else:
            broken.append(
                {
                    "line": number,
                    "rule": "not_one_object",
                    "found": "no JSON object by itself on the line",
                }
            )
    return found, broken


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        raise ValueError("a key stands twice")
    return told


def json_rows(data: bytes) -> tuple[pl.DataFrame, Bad]:
    """Objects as rows: a value that is an object or a list refuses its line."""
    found, broken = json_lines(data)
    names = list(dict.fromkeys(name for _, told, _ in found for name in told))
    rows = []
    for number, told, _ in found:
        nested = [name for name, value in told.items() if isinstance(value, dict | list)]
        if nested:
            broken.append(
                {
                    "line": number,
                    "rule": "value_not_plain",
                    "found": f"{nested[0][:40]} is an object or a list",
                }
            )
        else:
            rows.append((number, *(_text(told.get(name)) for name in names)))
    schema = {"line": pl.Int64(), **dict.fromkeys((n for n in names if n != "line"), pl.String())}
    if "line" in names:
        raise IntakeError(
            "a field is named 'line', which is kept for the number of a line; rename it"
        )
    return pl.DataFrame(rows, schema=schema, orient="row"), broken


def plain(value: object) -> str:
    """A value of an object as text; empty where it is none, or is an object or a list."""
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parquet(data: bytes) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (PolarsError, OSError) as bad:
        raise IntakeError(f"no whole Parquet file: {str(bad)[:80]}; send it again") from bad
    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
    if nested or "line" in frame.columns:
        raise IntakeError(f"{(nested or ['line'])[0]!r} is no plain column; flatten or rename it")
    told = frame.with_columns(pl.all().cast(pl.String).fill_null(""))
    return told.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
