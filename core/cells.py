"""Cells of files that people open in a spreadsheet."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

FORMULA = r"^[=+\-@\t\r]"
"""How a cell begins that a spreadsheet takes for a formula."""
NUMBER = r"^[+-]?[0-9][0-9.,]*( ?%)?$"


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as a CSV file for people: text that a spreadsheet would run as a formula has a `'` before it.

    Numbers, dates and text that is a number stay as they are. Not for files that a program reads back.
    Source: OWASP, CSV injection.
    """
    text = cs.string(include_categorical=True)
    cell = text.cast(pl.String)
    runs = cell.str.contains(FORMULA) & ~cell.str.contains(NUMBER)
    return frame.with_columns(
        pl.when(runs).then(cell.str.replace("^", "'")).otherwise(cell).name.keep()
    )
