"""Options that commands share, and what they make of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import out

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.ledger import Ledger

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
Loan = Annotated[str, typer.Argument(help="Loan id, or the loan's key.")]
AsOf = Annotated[str | None, typer.Option(help="Business date; default: the last.")]
To = Annotated[Path | None, typer.Option(help="CSV file for every line.")]


def published_day(ledger: Ledger, asked: dt.date | None) -> dt.date:
    """The date asked for, or the last one. Raises LoanbookError if it is not published."""
    last = ledger.head().published_date
    if last is None:
        raise LoanbookError("nothing is published yet; run `loanbook run` first")
    if asked is not None and asked > last:
        raise LoanbookError(f"{asked} is not published yet; the last published date is {last}")
    return asked or last


def difficulty_reasons(policies: PolicyBook) -> dict[int, list[str]]:
    """Reasons that tell of difficulty, by product."""
    from loanbook.core.policy.models import Delinquency

    return {
        code: policies.in_force(Delinquency, p.delinquency, p.effective_from).difficulty_reasons
        for code, p in policies.products.items()
    }


def written(rows: pl.DataFrame, to: Path | None) -> None:
    """Write every row to a CSV file, where one is asked for."""
    if to is not None:
        rows.write_csv(to)
        out.print(f"{to}: {rows.height} lines")
