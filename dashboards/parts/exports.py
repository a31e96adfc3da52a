"""Export of what is seen: CSV, Parquet, XLSX with a sheet that says what it is."""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl
import xlsxwriter

from loanbook.core.cells import without_formulas

XLSX_ROWS = 1_048_575
AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False}
"""Text of a workbook is text, whatever it begins with."""


def csv(frame: pl.DataFrame) -> bytes:
    """UTF-8, RFC 4180; no text that a spreadsheet runs as a formula."""
    return without_formulas(frame).write_csv().encode()


def parquet(frame: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    """Parquet with the description in the file's metadata."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata=dict(about))
    return buffer.getvalue()


def xlsx(frame: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    """A workbook of two sheets: data, and what it is. ValueError above Excel's row limit."""
    if frame.height > XLSX_ROWS:
        raise ValueError(f"{frame.height:,} rows do not fit a sheet ({XLSX_ROWS:,}); take Parquet")
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **AS_TEXT}) as book:
        frame.write_excel(book, "data")
        sheet = book.add_worksheet("about")
        for row, (name, value) in enumerate(about.items()):
            sheet.write(row, 0, name)
            sheet.write(row, 1, value)
    return buffer.getvalue()


def _csv(frame: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    return csv(frame)


KINDS = {"CSV": _csv, "Parquet": parquet, "XLSX": xlsx}
"""Ways to take rows along, by the ending of the file."""
