"""`loanbook what-if`: what other policies would have made of the same loans and events."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.cells import without_formulas
from loanbook.core.contract.money import CURRENCY_NAMES, currency_name, major, to_major
from loanbook.core.errors import LoanbookError, PolicyError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import KnownAt, iso_date, loan_id, out, show

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.servicing.replay.what_if import WhatIf
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.writer import Ledger

ONE_DAY = dt.timedelta(days=1)

SHOWN = 10


def what_if_command(
    policy: Annotated[
        list[Path],
        typer.Option(
            help="A policy file that stands in for the one of its name; its folder names its kind "
            "(products, waterfalls, late_fees, …). May be given more than once."
        ),
    ],
    start: Annotated[
        str | None, typer.Option("--from", help="First date under it; default: the book's first.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", "--through", help="Last date; default: the last published one."),
    ] = None,
    known_at: KnownAt = None,
    loans: Annotated[
        str | None, typer.Option(help="Keys, or numbers as #7, comma between them; default: all.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row a loan to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Totals as JSON.")] = False,
) -> None:
    """Live loans again under other policies and show the differences; nothing is written.

    The same events, the same engine, another policy: per loan, per component and in total.
    """
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import open_stored, settings

    ledger, policies = open_stored()
    reader = LedgerReader(settings())
    at = reader.clocks(as_of, known_at)
    wanted = [loan_id(reader, each.strip()) for each in loans.split(",")] if loans else None
    found = compare(
        ledger, policies, with_files(policies, policy), wanted, iso_date(start, "--from"), at
    )  # fmt: skip
    if csv is not None:
        without_formulas(found.loans).write_csv(csv)
    if as_json:
        out.print_json(json.dumps(found.totals().to_dicts()))
        return
    _print(found, csv)


def with_files(policies: PolicyBook, files: list[Path]) -> PolicyBook:
    """The policies with the files in place of those of their names."""
    from loanbook.core.policy.book import parse
    from loanbook.core.policy.models import FOLDERS

    for path in files:
        folder = path.resolve().parent.name
        if folder not in FOLDERS:
            raise PolicyError(
                f"{path}: the folder says what kind of policy a file is; move it to one of "
                f"{', '.join(sorted(FOLDERS))}"
            )
        if not path.is_file():
            raise PolicyError(f"{path}: there is no such file")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as bad:
            raise PolicyError(f"{path}: not UTF-8 text: {bad}; save it as such") from bad
        other = parse(folder, path.name, text)
        policies = policies.with_rules(folder, other)
    return policies


def compare(
    ledger: Ledger,
    policies: PolicyBook,
    other: PolicyBook,
    loans: list[int] | None,
    first: dt.date | None,
    at: Clocks,
) -> WhatIf:
    """Loans (all without a list) from `first` to a date under both, by both clocks.

    Raises LoanbookError if what was does not come out as the ledger has it.
    """
    from loanbook.core.servicing.replay.what_if import what_if
    from loanbook.core.store.history import StoredHistory

    begins = ledger.first_published() or at.on
    ids = pl.Series("loan_id", loans or ledger.loan_keys()["loan_id"].sort(), dtype=pl.Int64)
    past = StoredHistory(ledger, policies, at.booked + ONE_DAY, at.known)
    start = past.book(ids, max(first or begins, begins) - ONE_DAY)
    found = what_if(start, past.events(ids), policies, other, at.on)
    kept = past.book(ids, at.on).positions
    lived = found.as_is.join(kept.select("loan_id"), on="loan_id", how="semi")
    if not lived.sort("loan_id").equals(kept.select(lived.columns).sort("loan_id")):
        raise LoanbookError(
            "the loans as they are do not come out as the ledger has them; `loanbook rebuild "
            "--verify` tells where"
        )
    return found


def _print(found: WhatIf, csv: Path | None) -> None:
    from loanbook.core.servicing.replay.what_if import MEASURES

    differing = found.differing()
    out.print(
        f"{counted(found.loans.height, 'loan')} to {found.through}: as they are, equal to the ledger; "
        f"under the other policies {differing.height:,} differ."
    )
    for (code,), rows in found.totals().group_by("currency", maintain_order=True):
        currency = CURRENCY_NAMES[int(str(code))]
        table = pl.DataFrame(
            [{name: row[name] if name == "measure" else to_major(row[name], currency)
              for name in ("measure", "as_is", "what_if", "difference")}
             for row in rows.to_dicts()]
        )  # fmt: skip
        show(table, f"All loans, {currency}")
    if differing.height:
        size = pl.sum_horizontal(
            pl.col(f"{n}_more").abs() for n in MEASURES if n != "days_past_due"
        )
        most = differing.sort(size, descending=True).head(SHOWN)
        columns = [f"{n}_more" for n in MEASURES if (most[f"{n}_more"] != 0).any()]
        money = [major(name) for name in columns if name != "days_past_due_more"]
        told = most.with_columns(currency_name()).with_columns(money)
        show(told.select("loan_id", "currency", *columns), "Most affected (differences)")
    if csv is not None:
        out.print(f"{counted(found.loans.height, 'row')} written to {csv}")
