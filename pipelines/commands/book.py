"""Commands of the whole book: its journal, what was taken over, changed, credited, or came too late."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.catalogue.codes import Kind, Status, label
from loanbook.core.contract.money import CURRENCY_NAMES, EXPONENT, decimal_text, to_major
from loanbook.core.errors import LawBrokenError, LoanbookError
from loanbook.pipelines.commands.console import (
    AsOf,
    To,
    difficulty_reasons,
    iso_date,
    out,
    show,
    written,
)

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader


def journal(
    day: Annotated[str | None, typer.Argument(help="Business date; default: the last.")] = None,
    to: Annotated[Path, typer.Option(help="Folder for one CSV file an entity.")] = Path("journal"),
) -> None:
    """Write a day's general-ledger journal, one CSV an entity, and check that it ties."""
    from loanbook.core.frames import empty
    from loanbook.core.ledger.transfers import Transfers, account_movements
    from loanbook.core.reporting.journal import journal as lines_of
    from loanbook.core.reporting.journal import unbalanced, untied
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import policies_of, settings

    reader = LedgerReader(settings())
    version, on = reader.version_of(iso_date(day, "date"))
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


_KEYS = ["entity", "product", "currency", "account", "balance"]


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


def migration(
    day: Annotated[str | None, typer.Argument(help="Date of the tape; default: every one.")] = None,
    to: Annotated[Path | None, typer.Option(help="CSV file for every loan and balance.")] = None,
) -> None:
    """Tie the tapes of loans that already lived to the ledger, loan by loan and balance by balance."""
    from loanbook.core.servicing.changes.migration_in import openings, tied
    from loanbook.core.store.clocks import NOW
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import settings

    reader = LedgerReader(settings())
    only = iso_date(day, "date")
    tapes = openings(reader.query("SELECT * FROM events WHERE kind = ?", [Kind.migrated_in.value]))
    tapes = tapes.filter(pl.col("on") == only) if only else tapes
    if tapes.is_empty():
        raise LoanbookError(
            "no loan was taken over" + (f" on {only}" if only else "") + "; drop a tape whose "
            "mapping has opening balances (docs/guide.md) and run `loanbook close`"
        )
    found = []
    for (on,), tape in tapes.partition_by("on", as_dict=True).items():
        positions = reader.query("SELECT * FROM positions_at(?, ?)", [on, NOW])
        found.append(tied(tape, positions).insert_column(0, pl.lit(on).alias("taken_over_on")))
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


REGULATION_Z_MONTHS = 6
"""A credit must be tried to be given back after so long: 12 CFR 1026.11(a)(3), 1026.21(c)."""


def modifications(as_of: AsOf = None, to: To = None) -> None:
    """Changes of all contracts by kind and reason, and which are forbearance."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import policies_of, settings

    reader = LedgerReader(settings())
    rows = reader.modifications(
        iso_date(as_of, "--as-of"), None, None, difficulty_reasons(policies_of(reader))
    )
    if rows.is_empty():
        out.print("No contract was changed.")
        return
    by = rows.group_by("kind", "reason", "forborne").agg(
        changes=pl.len(), loans=pl.col("loan_id").n_unique()
    )
    show(by.sort("kind", "reason", "forborne", nulls_last=True), "Changes of contracts")
    written(rows, to)


def hardship(as_of: AsOf = None, to: To = None) -> None:
    """Arrangements for borrowers in hardship: when each starts and stops, and its credit-report code.

    CP: an account in forbearance, while it rests; AC: paying under a changed agreement.
    """
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import policies_of, settings

    reader = LedgerReader(settings())
    rows = reader.relief(iso_date(as_of, "--as-of"), None, difficulty_reasons(policies_of(reader)))
    if rows.is_empty():
        out.print("No borrower has an arrangement.")
        return
    show(rows.head(50), f"{rows.height} arrangements, {rows['runs'].sum()} of them run")
    written(rows, to)


def after_closure(as_of: AsOf = None, to: To = None) -> None:
    """What came for loans that had ended: money from outside, or an order after two people reopened one."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import settings

    rows = LedgerReader(settings()).after_closure(iso_date(as_of, "--as-of"))
    if rows.is_empty():
        out.print("Nothing came for a loan that had ended.")
        return
    show(rows.drop("event_id", "kind").head(50), f"{rows.height} events after an ending")
    written(rows, to)


def credit_balances(as_of: AsOf = None, to: To = None) -> None:
    """Borrowers' credit balances, the oldest first, and which are older than six months.

    Six months is when Regulation Z asks for a good-faith effort to give the credit back.
    """
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import settings

    rows = LedgerReader(settings()).credits(iso_date(as_of, "--as-of"))
    if rows.is_empty():
        out.print("No borrower has credit.")
        return
    named = rows.with_columns(
        label("status", Status),
        currency=pl.col("currency").replace_strict(CURRENCY_NAMES, return_dtype=pl.String),
        to_be_returned=pl.col("months") >= REGULATION_Z_MONTHS,
    )
    decimals = pl.col("currency").replace_strict(dict(EXPONENT), return_dtype=pl.Int64)
    shown = named.with_columns(credit=decimal_text(pl.col("credit"), decimals))
    show(shown.head(50), f"{rows.height} loans with credit")
    for (currency,), part in named.partition_by("currency", as_dict=True).items():
        old = part.filter(pl.col("to_be_returned"))
        out.print(f"{to_major(int(part['credit'].sum()), str(currency))} {currency} in all, "
                  f"{to_major(int(old['credit'].sum()), str(currency))} of it for {REGULATION_Z_MONTHS} "
                  "months or more; `refund_credit` gives it back (docs/guide.md)")  # fmt: skip
    written(shown, to)
