"""What every command prints with: tables, dates, progress."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import polars.selectors as cs
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from loanbook.core.errors import LoanbookError

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.writer import Ledger

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


def past_date(text: str | None, name: str) -> dt.date | None:
    """An ISO date given as an option, of a day that has begun somewhere on earth by the clock."""
    date = iso_date(text, name)
    latest = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=14)).date()
    if date is not None and date > latest:
        raise typer.BadParameter(
            f"{date} lies ahead of the clock ({latest}); a day closes when it is over",
            param_hint=name,
        )
    return date


def show(frame: pl.DataFrame, title: str = "") -> None:
    """A frame as a table; numbers to the right."""
    shown = Table(title=title or None, title_justify="left")
    for name, kind in frame.schema.items():
        shown.add_column(name.replace("_", " "), justify="right" if kind.is_numeric() else "left")
    for row in frame.rows():
        shown.add_row(*("–" if cell is None else _text(cell) for cell in row))
    out.print(shown)


def plain(frame: pl.DataFrame, form: str) -> None:
    """A frame on standard output for another program: `json` (a list of rows) or `csv`."""
    if form == "json":
        rows = frame.with_columns(cs.decimal().cast(pl.String))  # exact; a float would not be
        sys.stdout.write(rows.write_json() + "\n")
        return
    lists = [name for name, kind in frame.schema.items() if kind.is_nested()]
    flat = frame.with_columns(
        pl.Series(
            name,
            [None if cell is None else str(cell) for cell in frame[name].to_list()],
            dtype=pl.String,
        )
        for name in lists
    )
    sys.stdout.write(flat.write_csv())


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def loan_id(reader: LedgerReader, loan: str) -> int:
    """The id of a loan given by the lender's own key, or as `#7` by loanbook's number.

    A number alone is a key; it is loanbook's number where no loan of the ledger has a number as its
    key. Raises LoanbookError where no loan has it, or more than one.
    """
    found = reader.query("SELECT loan_id FROM loan_keys WHERE loan_key = ?", [loan])
    if found.height == 1:
        return int(found["loan_id"][0])
    if found.height > 1:
        numbers = ", ".join(f"#{n}" for n in sorted(found["loan_id"].to_list()))
        raise LoanbookError(f"{found.height} loans have the key {loan!r}; name one of {numbers}")
    number = loan.removeprefix("#")
    if number.isascii() and number.isdigit() and (loan != number or not _keys_are_numbers(reader)):
        known = reader.query("SELECT loan_id FROM loan_keys WHERE loan_id = ?", [int(number)])
        if known.height:
            return int(number)
    raise LoanbookError(
        f"no loan has the key {loan!r}; see `loanbook loan list`, or give its number as #7"
    )


def _keys_are_numbers(reader: LedgerReader) -> bool:
    sql = "SELECT count(*) AS n FROM loan_keys WHERE regexp_full_match(loan_key, '[0-9]+')"
    return int(reader.query(sql)["n"][0]) > 0


AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
Loan = Annotated[str, typer.Argument(help="The loan's key, or its number as #7.")]
AsOf = Annotated[str | None, typer.Option(help="Business date; default: the last.")]
To = Annotated[Path | None, typer.Option(help="CSV file for every line.")]


def published_day(ledger: Ledger, day: dt.date | None) -> dt.date:
    """The date asked for, or the last one. Raises LoanbookError if it is not published."""
    last = ledger.head().published_date
    if last is None:
        raise LoanbookError("nothing is published yet; run `loanbook run` first")
    if day is not None and day > last:
        raise LoanbookError(f"{day} is not published yet; the last published date is {last}")
    return day or last


def difficulty_reasons(policies: PolicyBook) -> dict[int, list[str]]:
    """Reasons that tell of difficulty, by product."""
    return {code: rules.difficulty_reasons for code, rules in policies.delinquency_policies.items()}


def grace_days(policies: PolicyBook) -> dict[int, int]:
    """Days past due that do not count as delinquent, by product."""
    return {code: rules.grace_days for code, rules in policies.delinquency_policies.items()}


def written(rows: pl.DataFrame, to: Path | None) -> None:
    """Write every row to a CSV file, where one is asked for."""
    if to is not None:
        rows.write_csv(to)
        out.print(f"{to}: {rows.height} lines")
