"""What every command prints with: tables, dates, progress."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from loanbook.core.errors import LoanbookError

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader

out = Console(width=None if sys.stdout.isatty() else 132)

err = Console(stderr=True)


def progress() -> Progress:
    """A progress bar on the error stream, so that output can be piped."""
    return Progress(
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    )


def iso_date(text: str | None, name: str) -> dt.date | None:
    """An ISO date given as an option."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no date; write it like 2018-06-30", param_hint=name
        ) from None


def show(frame: pl.DataFrame, title: str = "") -> None:
    """A frame as a table; numbers to the right."""
    shown = Table(title=title or None, title_justify="left")
    for name, kind in frame.schema.items():
        shown.add_column(name.replace("_", " "), justify="right" if kind.is_numeric() else "left")
    for row in frame.rows():
        shown.add_row(*("–" if cell is None else _text(cell) for cell in row))
    out.print(shown)


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def loan_id(reader: LedgerReader, loan: str) -> int:
    """The id of a loan given by id or key."""
    if loan.isdigit():
        return int(loan)
    found = reader.query("SELECT loan_id FROM loan_keys WHERE loan_key = ?", [loan])
    if found.is_empty():
        raise LoanbookError(f"no loan has the key {loan!r}; see `loanbook loan list`")
    return int(found["loan_id"][0])
