"""Commands of the general ledger: the journal of a day or a month, and the trial balance."""

from __future__ import annotations

from calendar import monthrange
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.cells import without_formulas
from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.contract.money import major, to_major
from loanbook.core.errors import LawBrokenError, LoanbookError
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    KnownAt,
    To,
    believed,
    opened,
    out,
    piped,
    show,
    written,
)

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.reader import LedgerReader


def journal(
    period: Annotated[
        str | None,
        typer.Argument(help="A business date, or a month like 2018-02; default: the last date."),
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder for one CSV file an entity.")] = Path("journal"),
    known_at: KnownAt = None,
) -> None:
    """Write the general-ledger journal of a day or a month, one CSV an entity, and check that it ties.

    A line has the lender's account number, the role behind it, booking and value date, debit and credit.
    """
    reader, policies = opened()
    versions = _versions(reader, period, known_at)
    lines = _lines(reader, policies, versions)
    wanted = period or str(versions["business_date"][-1])
    last = int(versions["version"][-1])
    to.mkdir(parents=True, exist_ok=True)
    for (entity,), part in lines.partition_by("entity", as_dict=True, maintain_order=True).items():
        path = to / f"gl_{wanted}_{entity}_v{last}.csv"
        shown = part.with_columns(major(side) for side in ("debit", "credit"))
        without_formulas(shown).write_csv(path)
        sums = part.filter(pl.col("ledger") == "general").group_by("currency").agg(
            pl.col("debit").sum()
        )  # fmt: skip
        told = ", ".join(f"{to_major(n, name)} {name}" for name, n in sums.sort("currency").rows())
        out.print(
            f"{path}: {part.height} lines, debits and credits of the general ledger {told} each"
        )
    if lines.is_empty():
        out.print(f"Nothing was booked in {wanted}.")


def _versions(reader: LedgerReader, period: str | None, known_at: str | None) -> pl.DataFrame:
    """`version`, `business_date`, `parent` of the days of a period that were published by then, in order."""
    month = period is not None and len(period) == len("2018-02")
    if not month:
        on = reader.clocks(period, known_at).on
        first, last = on, on
    else:
        try:
            first = from_iso(f"{period}-01")
        except ValueError:
            raise LoanbookError(
                f"{period!r} is no date and no month; write 2018-02-28 or 2018-02"
            ) from None
        last = first.replace(day=monthrange(first.year, first.month)[1])
    found = reader.query(
        "SELECT version, business_date, parent FROM versions WHERE business_date BETWEEN ? AND ? "
        "AND version <= ? ORDER BY business_date",
        [first, last, reader.clocks(None, known_at).known],
    )
    if found.is_empty():
        begins, ends = reader.published_range()
        raise LoanbookError(f"no day of {period} is published; published are {begins} to {ends}")
    return found


def _lines(reader: LedgerReader, policies: PolicyBook, versions: pl.DataFrame) -> pl.DataFrame:
    """The journal of the days; LawBrokenError where it does not balance or tie to the balances."""
    from loanbook.core.frames import empty
    from loanbook.core.ledger.transfers import Transfers, account_movements
    from loanbook.core.reporting.journal import journal as lines_of
    from loanbook.core.reporting.journal import unbalanced, untied

    schema = dict(empty(Transfers).schema)
    numbers = versions["version"].to_list()
    moved = reader.query(
        f"SELECT {', '.join(schema)} FROM transfers WHERE version IN (SELECT unnest(?))", [numbers]
    ).cast(schema)  # type: ignore[arg-type]
    days = moved.partition_by("booking_date", as_dict=True)
    lines = pl.concat(
        lines_of(days.get((date,), moved.clear()), policies, date)
        for date in versions["business_date"].to_list()
    )
    wrong = unbalanced(lines)
    before, after = (_balances(reader, int(n)) for n in (versions["parent"][0], numbers[-1]))
    loose = untied(account_movements(moved), before, after)
    if wrong.height or loose.height:
        raise LawBrokenError(
            f"the journal of {versions['business_date'][0]} to {versions['business_date'][-1]} does "
            f"not tie ({wrong.height} sides, {loose.height} accounts); run `loanbook rebuild --verify`"
        )
    return lines


_KEYS = ["entity", "product", "currency", "account", "balance"]


def _balances(reader: LedgerReader, version: int) -> pl.DataFrame:
    return reader.query(
        f"SELECT {', '.join(_KEYS)} FROM account_balances WHERE version = ?", [version]
    )


def trial_balance(
    as_of: AsOf = None,
    known_at: KnownAt = None,
    to: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """The trial balance of a date by the lender's accounts: entity by entity, currency by currency."""
    from loanbook.core.reporting.journal import trial_balance as of_accounts
    from loanbook.core.reporting.journal import unbalanced

    reader, policies = opened()
    at = reader.clocks(as_of, known_at)
    lines = of_accounts(_balances(reader, at.version), policies, at.on)
    if unbalanced(lines).height:
        raise LawBrokenError(f"the trial balance of {at.on} does not balance; run `loanbook rebuild "
                             "--verify`")  # fmt: skip
    shown = lines.with_columns(major(side) for side in ("debit", "credit"))
    written(shown, to)
    if piped(lines, as_json, as_csv):
        return
    for (entity, currency), part in lines.group_by("entity", "currency", maintain_order=True):
        mine = (pl.col("entity") == entity) & (pl.col("currency") == currency)
        show(shown.filter(mine).drop("entity", "currency"),
             f"{entity}, {currency}, {believed(at)}")  # fmt: skip
        for (ledger,), of_ledger in part.group_by("ledger", maintain_order=True):
            total = to_major(int(of_ledger["debit"].sum()), str(currency))
            out.print(f"{ledger}: debits and credits {total} {currency} each")
