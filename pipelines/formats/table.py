"""What all row formats share: reading CSV text, and splitting rows by a contract's rules."""

from __future__ import annotations

import csv
import datetime as dt
import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.dates.iso_dates import ISO
from loanbook.core.contract.money import PPB
from loanbook.core.errors import IntakeError
from loanbook.pipelines.formats.rules import OF_COLUMNS, RULES

Bad = list[dict[str, Any]]
"""Refused rows: `line`, `rule`, `found`."""


PARQUET = b"PAR1"
"""How a Parquet file begins: it is no text."""


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


def with_line_feeds(data: bytes) -> bytes:
    """Content whose lines end with carriage returns alone, as old spreadsheets write it, with line feeds;
    any other as it is."""
    if b"\n" in data or data.startswith(PARQUET):
        return data
    return data.replace(b"\r", b"\n")


def header_of(data: bytes) -> list[str]:
    """Names in the first line of a file; none if it is no text."""
    line = with_line_feeds(data).split(b"\n", 1)[0].decode("utf-8-sig", errors="replace")
    return _fields(line) or []


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


def check_lacking(header: Iterable[str], lacking: Iterable[str], named: Iterable[str]) -> None:
    """Raise IntakeError where a column that may be left out is lacking and another, that nothing names, is written
    much like it: it would be left alone in silence, and what it says be taken as not told."""
    others = {_plain_name(name): name for name in header if name not in {*named, "line"}}
    for name in lacking:
        like = difflib.get_close_matches(_plain_name(name), others, 1, _ALIKE)
        if like:
            raise IntakeError(
                f"the header has {others[like[0]][:40]!r}, which nothing names, and not {name!r}, which is much like "
                "it: mend the name of the column, or give another one to a column of your own"
            )


_ALIKE = 0.85
"""From what likeness on (0 to 1) a name is taken for a slip of another."""


def _plain_name(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


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


ISO_FORM = "%Y-%m-%d"
"""How a file writes dates whose mapping says nothing else."""


def date_in(column: str, form: str = ISO_FORM) -> pl.Expr:
    """The date that a text column names; null where it is none, or none between the bounds.

    Written as the form has it: a sign, or a blank that the form has not, is no part of a date. An ISO date
    has all its digits; in another form a month or a day may have one.
    """
    text = pl.col(column).str.strip_chars()
    date = text.str.to_date(form, strict=False)
    beside = text.str.contains(r"\+" if " " in form else r"[+\s]")
    written = text.str.contains(ISO) if form == ISO_FORM else ~beside
    return pl.when(date.is_between(EARLIEST, LATEST) & written).then(date)


NUMBER = r"(?:0|[1-9][0-9]*)"
"""A whole number as a file writes it: no plus sign, no zero before its first digit."""
AMOUNT = rf"{NUMBER}(?:\.[0-9]+)?"
"""A plain amount, without the sign that some fields may have: digits stand on both sides of a point."""
PERCENTAGE = r"(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,7}0*)?"
"""A percentage without its sign, to a part per billion."""


def whole_number(text: pl.Expr) -> pl.Expr:
    """The whole number (Int64) that a text without outer spaces is; null where it is written otherwise."""
    plain = text.str.contains(rf"^-?{NUMBER}$")
    return pl.when(plain).then(text.str.to_integer(strict=False))


def percent_ppb(percent: pl.Expr) -> pl.Expr:
    """Parts per billion (Int64) of a plain decimal string of per cent, its sign written or not; null
    where it is finer than that, or is written otherwise: nothing is rounded on the way in."""
    text = percent.str.strip_chars().str.strip_suffix("%").str.strip_chars_end()
    plain = text.str.contains(rf"^-?{PERCENTAGE}$")
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


def shared(holds: pl.Expr) -> Any:
    """A rule that several contracts have: each gives it the name of what breaks it, in its place among the others."""
    return dy.rule()(lambda cls: holds)


def split(
    typed: pl.DataFrame,
    contract: type[dy.Schema],
    reference: str,
    texts: Callable[[], pl.DataFrame],
) -> tuple[pl.DataFrame, Bad]:
    """Good rows, and the refused ones with the first rule they break and what was found.

    `texts` gives `line` and the cells as they came, by loanbook's names. Quoted are the cells that the rule
    is about (`rules`), else the column `reference` of `typed`; a column that has the name of a rule is
    quoted for that rule.
    """
    good, failure = contract.filter(typed)
    details = failure.details()
    if details.is_empty():
        return good, []
    rules = [c for c in details.columns if c not in contract.column_names()]
    first = pl.coalesce(
        pl.when(pl.col(rule).cast(pl.String) == "invalid").then(
            pl.lit(OF_COLUMNS.get(rule, rule.replace("|", "_")))
        )
        for rule in rules
    )
    refused = details.select("line", pl.col(reference).alias(REFERENCE), rule=first)
    told = refused.join(texts(), on="line", how="left", maintain_order="left")
    return good, told.select("line", "rule", found=found(told)).to_dicts()


def parsed(
    rows: pl.DataFrame,
    contract: type[dy.Schema],
    reference: str,
    texts: pl.DataFrame,
    broken: Bad,
) -> Parsed:
    """Rows of a file judged by a contract (`split`): the good ones with every column that they have, of the contract or
    not; the refused ones behind the lines that are no rows (`broken`)."""
    good, bad = split(rows.select(contract.column_names()), contract, reference, lambda: texts)
    kept = rows.join(good.select("line"), on="line", how="semi", maintain_order="left")
    return Parsed(rows.height + len(broken), kept, broken + bad)


REFERENCE = "_reference"
"""What is quoted of a row where its rule is about no cell."""
LONGEST = 40
"""Characters of a cell that are quoted."""


def found(told: pl.DataFrame) -> pl.Expr:
    """What quarantine quotes of a row: the cells that its `rule` is about, else its `REFERENCE`."""
    quotes = []
    for name in told["rule"].drop_nulls().unique():
        rule = RULES.get(name)
        cells = [cell for cell in rule.cells if cell in told.columns] if rule else []
        if name in told.columns:
            text = pl.col(name)
        elif rule is None or not cells:
            continue
        elif len(cells) == 1:
            text = quoted(cells[0])
        else:
            text = pl.concat_str(
                (pl.concat_str(pl.lit(f"{cell}="), quoted(cell)) for cell in cells), separator=" "
            )
        if rule is not None and rule.expected:
            text = pl.concat_str(text, pl.lit(f"; expected {rule.expected}"))
        quotes.append(pl.when(pl.col("rule") == name).then(text))
    return pl.coalesce(*quotes, pl.col(REFERENCE).cast(pl.String))


_CODES = {"reason", "command", "currency", "unit", "keep", "interest", "flag", "index", "corrects",
          "loan_key", "target_ref", "payment_ref", "command_ref", "product"}  # fmt: skip
"""Cells of words and references. In others a word is cut to its first letter: a number or a date
has none, so it may be a name that stands in the wrong column."""


def quoted(cell: str) -> pl.Expr:
    """A cell's text, cut to what tells a reader what is wrong with it."""
    text = pl.col(cell).cast(pl.String).fill_null("").str.strip_chars()
    if cell not in _CODES:
        text = text.str.replace_all(r"(\p{L})\p{L}{3,}", "${1}…")
    cut = pl.when(text.str.len_chars() > LONGEST).then(text.str.head(LONGEST) + "…").otherwise(text)
    return pl.when(text == "").then(pl.lit("(empty)")).otherwise(cut)
