"""A table of a pack as files of a format: whole in each, and the same bytes each time."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator

import polars as pl

from loanbook.core.cells import without_formulas

SHEET_ROWS = 1_048_575
"""Rows of a sheet beside its head; more take more sheets (Excel's limit is 1,048,576)."""
CELL = 32_767
"""Characters of a cell; a longer text goes on in a column beside it."""
EXACT = 2**53
"""A sheet keeps numbers as doubles: whole numbers beyond it are written as text."""
MADE = dt.datetime(2000, 1, 1)


def _csv(rows: pl.DataFrame, name: str) -> bytes:
    return without_formulas(flat(rows)).write_csv(line_terminator="\n").encode()


def _parquet(rows: pl.DataFrame, name: str) -> bytes:
    file = io.BytesIO()
    rows.write_parquet(file, compression="zstd")
    return file.getvalue()


def _xlsx(rows: pl.DataFrame, name: str) -> bytes:
    """A workbook with as many sheets as the rows take; text is text, whatever it begins with."""
    import xlsxwriter

    file = io.BytesIO()
    options = {
        "in_memory": True,  # a file beside it would have the clock's time in the bytes
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"created": MADE})
        for number, part in enumerate(sheets(rows), 1):
            label = name[:28] if number == 1 else f"{name[:24]} {number}"
            part.write_excel(book, label, autofit=False, dtype_formats={pl.Date: "yyyy-mm-dd"})
    return file.getvalue()


FORMATS: dict[str, Callable[[pl.DataFrame, str], bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "xlsx": _xlsx,
}
"""What makes a file of a format, by its ending."""


def sheets(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows as sheets can hold them: none is cut, neither in its rows nor in its texts."""
    told = _in_cells(flat(rows))
    yield from told.iter_slices(SHEET_ROWS) if told.height else [told]


def _in_cells(rows: pl.DataFrame) -> pl.DataFrame:
    columns: list[pl.Expr] = []
    for name, kind in rows.schema.items():
        column = rows[name]
        if kind.is_integer() and _beyond(column):
            columns.append(pl.col(name).cast(pl.String))
        elif kind == pl.String:
            longest = column.str.len_chars().max()
            parts = max(1, -(-int(longest if isinstance(longest, int) else 0) // CELL))
            columns += [
                pl.col(name).str.slice(CELL * n, CELL).alias(name if n == 0 else f"{name} ({n + 1})")
                for n in range(parts)
            ]  # fmt: skip
        elif isinstance(kind, pl.Datetime):
            columns.append(pl.col(name).dt.to_string("iso:strict"))
        else:
            columns.append(pl.col(name))
    return rows.select(columns)


def _beyond(column: pl.Series) -> bool:
    low, high = column.min(), column.max()
    return isinstance(low, int) and isinstance(high, int) and max(-low, high) > EXACT


def flat(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without lists: these as their JSON."""
    lists = [name for name, kind in rows.schema.items() if isinstance(kind, pl.List)]
    return rows.with_columns(
        pl.format("[{}]", pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(",")).alias(name)
        for name in lists
    )  # fmt: skip
