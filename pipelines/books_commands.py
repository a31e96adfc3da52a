"""Commands about the lender's books: the general-ledger journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from core.contract.money import EXPONENT
from core.errors import LawBrokenError
from core.frames import empty
from core.ledger.transfers import Transfers, account_movements
from core.reporting.journal import journal as lines_of
from core.reporting.journal import unbalanced, untied
from core.store.reader import LedgerReader
from pipelines.console import date, out
from pipelines.resources import read_policies, settings

_KEYS = ["entity", "product", "currency", "account", "balance"]


def register(app: typer.Typer) -> None:
    """Add the commands to the `loanbook` command."""
    app.command()(journal)


def journal(
    day: Annotated[str | None, typer.Argument(help="Business date; default: the last.")] = None,
    to: Annotated[Path, typer.Option(help="Folder for one CSV file an entity.")] = Path("journal"),
) -> None:
    """Write a day's general-ledger journal, one CSV an entity, and check that it ties."""
    reader = LedgerReader(settings())
    version, on = reader.version_of(date(day, "date"))
    policies = read_policies().with_registry(
        reader.query("SELECT name FROM products ORDER BY code")["name"].to_list()
    )
    schema = dict(empty(Transfers).schema)
    moved = reader.query(
        f"SELECT {', '.join(schema)} FROM transfers WHERE version = ?", [version]
    ).cast(schema)  # type: ignore[arg-type]
    lines = lines_of(moved, policies, on)
    wrong = unbalanced(lines)
    loose = untied(account_movements(moved), _before(reader, version), _balances(reader, version))
    if wrong.height or loose.height:
        raise LawBrokenError(
            f"the journal of {on} does not tie ({wrong.height} sides, {loose.height} accounts); "
            "run `loanbook rebuild --verify`"
        )
    to.mkdir(parents=True, exist_ok=True)
    for (entity,), part in lines.partition_by("entity", as_dict=True).items():
        path = to / f"gl_{on}_{entity}_v{version}.csv"
        part.with_columns(_major(side) for side in ("debit", "credit")).write_csv(path)
        general = part.filter(pl.col("ledger") == "general")
        out.print(f"{path}: {part.height} lines, debits and credits of the general ledger "
                  f"{int(general['debit'].sum()):,} minor units each")  # fmt: skip
    if lines.is_empty():
        out.print(f"Nothing was booked on {on}.")


def _major(side: str) -> pl.Expr:
    """Minor units as a decimal string with the currency's own decimals."""
    decimals = pl.col("currency").replace_strict(dict(EXPONENT), return_dtype=pl.Int64)
    unit = pl.lit(10, dtype=pl.Int64).pow(decimals).cast(pl.Int64)
    whole = (pl.col(side) // unit).cast(pl.String)
    rest = (pl.col(side) % unit).cast(pl.String).str.zfill(decimals)
    return pl.when(decimals == 0).then(whole).otherwise(whole + "." + rest).alias(side)


def _balances(reader: LedgerReader, version: int) -> pl.DataFrame:
    return reader.query(
        f"SELECT {', '.join(_KEYS)} FROM account_balances WHERE version = ?", [version]
    )


def _before(reader: LedgerReader, version: int) -> pl.DataFrame:
    parent = reader.query("SELECT parent FROM versions WHERE version = ?", [version])["parent"][0]
    return _balances(reader, int(parent))
