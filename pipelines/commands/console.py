"""What every command prints with: tables, dates, progress."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import polars.selectors as cs
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from loanbook.core.cells import without_formulas
from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.contract.money import major
from loanbook.core.errors import LoanbookError

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.clocks import Clocks
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
        return from_iso(text)
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
    for name in frame.columns:
        right = frame.schema[name].is_numeric() or _amounts(frame[name])
        shown.add_column(name.replace("_", " "), justify="right" if right else "left")
    for row in frame.rows():
        shown.add_row(*("–" if cell is None else _text(cell) for cell in row))
    with whole_width(shown):
        out.print(shown)


@contextmanager
def whole_width(table: Table) -> Iterator[None]:
    """Into a pipe or a file a table is as wide as its cells: nothing of them is cut."""
    before = out.width
    if not sys.stdout.isatty():
        free = out.options.update(max_width=10_000)
        out.width = max(before, Measurement.get(out, free, table).maximum)
    try:
        yield
    finally:
        out.width = before


def _amounts(column: pl.Series) -> bool:
    """Whether a column is amounts as text."""
    if column.dtype != pl.String or column.null_count() == column.len():
        return False
    return bool(column.drop_nulls().str.contains(r"^-?[0-9]+(\.[0-9]+)?$").all())


def plain(frame: pl.DataFrame, form: str) -> None:
    """A frame on standard output for another program: `json` (a list of rows) or `csv`. Instants are told in UTC, in one form."""
    frame = frame.with_columns(
        cs.datetime(time_zone="*").dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    )
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
    sys.stdout.write(without_formulas(flat).write_csv())


def piped(frame: pl.DataFrame, as_json: bool, as_csv: bool) -> bool:
    """Whether another program asked for the frame as JSON or CSV; then it is on standard output."""
    if as_json or as_csv:
        plain(frame, "json" if as_json else "csv")
    return as_json or as_csv


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


def loan_and_key(reader: LedgerReader, loan: str) -> tuple[int, str]:
    """A loan's number, as `loan_id` finds it, and the lender's own key of it."""
    number = loan_id(reader, loan)
    keys = reader.query("SELECT loan_key FROM loan_keys WHERE loan_id = ?", [number])["loan_key"]
    return number, str(keys[0])


def _keys_are_numbers(reader: LedgerReader) -> bool:
    sql = "SELECT count(*) AS n FROM loan_keys WHERE regexp_full_match(loan_key, '[0-9]+')"
    return int(reader.query(sql)["n"][0]) > 0


AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV instead of text; amounts in minor units.")]
OneLoan = Annotated[
    str | None, typer.Argument(help="The loan's key, or its number as #7; without it, the book.")
]
Loan = Annotated[str, typer.Argument(help="The loan's key, or its number as #7.")]
AsOf = Annotated[str | None, typer.Option(help="Business date; default: the last.")]
KnownAt = Annotated[
    str | None,
    typer.Option(
        help="What is believed: a version's number, or an instant in UTC (2018-06-30T18:00) by which it "
        "was published; default: what is known now."
    ),
]
MOST = 200
"""Rows that a table shows, where --csv has all."""


def who_acts(does: str) -> Any:
    """The option that names who does this (took it)."""
    return typer.Option(help=f"Who {does}, in a demo; in production it is who is signed in.")


def first_alone(rows: int, most: int = MOST) -> str:
    """What a sentence on rows adds where a table shows the first alone."""
    return f"; the first {most} shown, --csv has all" if rows > most else ""


To = Annotated[Path | None, typer.Option(help="CSV file for every line.")]


def reading() -> LedgerReader:
    """The instance to read; no policy is looked at, so it answers at once."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import settings

    return LedgerReader(settings())


def keyed(rows: pl.DataFrame, reader: LedgerReader) -> pl.DataFrame:
    """Rows of loans with the lender's `loan_key` for the number, and the name of their `currency`."""
    keys = reader.query(
        "SELECT k.loan_id, k.loan_key, c.name AS currency FROM loan_keys k "
        "JOIN currency_names c ON c.code = k.currency"
    )
    joined = rows.join(keys, on="loan_id", how="left", maintain_order="left")
    others = [name for name in rows.columns if name != "loan_id"]
    return joined.select("loan_key", "currency", *others)


def opened() -> tuple[LedgerReader, PolicyBook]:
    """The instance to read, and its policies with the ledger's product codes; nothing is written."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import policies_of, settings

    reader = LedgerReader(settings())
    return reader, policies_of(reader)


@dataclass(frozen=True)
class FoundLoan:
    """The loan that a command is about, where it is looked for, and by which clocks."""

    reader: LedgerReader
    policies: PolicyBook
    number: int
    key: str
    at: Clocks


def found_loan(loan: str, as_of: str | None, known_at: str | None) -> FoundLoan:
    """A loan of the instance by its key, or its number as #7, by both clocks."""
    reader, policies = opened()
    number, key = loan_and_key(reader, loan)
    return FoundLoan(reader, policies, number, key, reader.clocks(as_of, known_at))


def believed(at: Clocks) -> str:
    """Both clocks in words, for the head of what is shown."""
    said = "" if at.is_now else f", as known at version {at.known}"
    return f"as of {at.on}, version {at.version}{said}"


def amounts_and_days(name: str, days: pl.Expr) -> pl.Expr:
    """A column as `major` has it, but where the row is of days: they are as they are."""
    return pl.when(days).then(pl.col(name).cast(pl.String)).otherwise(major(name)).alias(name)


def difficulty_reasons(policies: PolicyBook) -> dict[int, list[str]]:
    """Reasons that tell of difficulty, by product."""
    return {code: rules.difficulty_reasons for code, rules in policies.delinquency_policies.items()}


def grace_days(policies: PolicyBook) -> dict[int, int]:
    """Days past due that do not count as delinquent, by product."""
    return {code: rules.grace_days for code, rules in policies.delinquency_policies.items()}


def written(rows: pl.DataFrame, to: Path | None) -> None:
    """Write every row to a CSV file, where one is asked for; told on the error stream, so that output can
    be piped."""
    if to is not None:
        without_formulas(rows).write_csv(to)
        err.print(f"{to}: {rows.height} lines")


def asked_by() -> pl.Expr:
    """`instalment_no` for people: a down payment, the balance and a date of its own by their names."""
    from loanbook.core.servicing.loan.dues import OWN_DATE

    number = pl.col("instalment_no")
    return (
        pl.when(number < 0)
        .then(pl.lit("down payment"))
        .when(number >= OWN_DATE)
        .then(pl.lit("own date"))
        .when(number == 0)
        .then(pl.lit("balance"))
        .otherwise(number.cast(pl.String))
        .alias("instalment_no")
    )
