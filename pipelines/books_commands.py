"""Commands about the lender's books: the general-ledger journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import EXPONENT, decimal_text
from loanbook.core.errors import LawBrokenError, LoanbookError
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import Transfers, account_movements
from loanbook.core.reporting.journal import journal as lines_of
from loanbook.core.reporting.journal import unbalanced, untied
from loanbook.core.servicing.changes.migration_in import openings, tied
from loanbook.core.store.past import NOW
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.console import date, out, show
from loanbook.pipelines.resources import policies_of, settings


def migration(
    day: Annotated[str | None, typer.Argument(help="Date of the tape; default: every one.")] = None,
    to: Annotated[Path | None, typer.Option(help="CSV file for every loan and balance.")] = None,
) -> None:
    """Tie the tapes of loans that already lived to the ledger, loan by loan and balance by balance."""
    reader = LedgerReader(settings())
    only = date(day, "date")
    told = openings(reader.query("SELECT * FROM events WHERE kind = ?", [Kind.migrated_in.value]))
    told = told.filter(pl.col("on") == only) if only else told
    if told.is_empty():
        raise LoanbookError(
            "no loan was taken over" + (f" on {only}" if only else "") + "; drop a tape whose "
            "mapping has opening balances (docs/guide.md) and run `loanbook close`"
        )
    found = []
    for (on,), some in told.partition_by("on", as_dict=True).items():
        positions = reader.query("SELECT * FROM positions_at(?, ?)", [on, NOW])
        found.append(tied(some, positions).insert_column(0, pl.lit(on).alias("taken_over_on")))
    lines = pl.concat(found)
    sums = lines.group_by("taken_over_on", "balance", maintain_order=True).agg(
        pl.col("tape", "ledger", "difference").sum(),
        loans=pl.len(),
        tie=pl.col("ties").sum(),
    )
    show(sums, "Loans that were taken over (minor units; days for days past due)")
    breaks = lines.filter(~pl.col("ties"))
    if breaks.height:
        show(breaks.head(20), f"{breaks.height} balances differ")
    if to is not None:
        lines.write_csv(to)
        out.print(f"{to}: {lines.height} lines")


_KEYS = ["entity", "product", "currency", "account", "balance"]


def register(app: typer.Typer) -> None:
    """Add the commands to the `loanbook` command."""
    app.command()(journal)
    app.command()(migration)


def journal(
    day: Annotated[str | None, typer.Argument(help="Business date; default: the last.")] = None,
    to: Annotated[Path, typer.Option(help="Folder for one CSV file an entity.")] = Path("journal"),
) -> None:
    """Write a day's general-ledger journal, one CSV an entity, and check that it ties."""
    reader = LedgerReader(settings())
    version, on = reader.version_of(date(day, "date"))
    policies = policies_of(reader)
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
    return decimal_text(pl.col(side), decimals).alias(side)


def _balances(reader: LedgerReader, version: int) -> pl.DataFrame:
    return reader.query(
        f"SELECT {', '.join(_KEYS)} FROM account_balances WHERE version = ?", [version]
    )


def _before(reader: LedgerReader, version: int) -> pl.DataFrame:
    parent = reader.query("SELECT parent FROM versions WHERE version = ?", [version])["parent"][0]
    return _balances(reader, int(parent))
