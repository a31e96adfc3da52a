"""Commands about one loan's figures: why they are so, what settles it, how late it is, its dispute pack."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.markup import escape

from loanbook.core.catalogue.components import PARTS
from loanbook.core.contract.money import CURRENCY_NAMES, to_major
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import (
    AsJson,
    AsOf,
    Loan,
    grace_days,
    iso_date,
    loan_id,
    out,
    published_day,
    show,
)

if TYPE_CHECKING:
    from loanbook.core.servicing.explain.explain import Explanation


def explain(
    loan: Loan,
    as_of: Annotated[str | None, typer.Option(help="Business date; default: the last.")] = None,
    as_json: AsJson = False,
) -> None:
    """Why a loan stands where it stands: event, rule and policy version, amounts, arrears."""
    from loanbook.core.servicing.explain.explain import explain as explained
    from loanbook.core.servicing.replay.replay import replay
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.reporting import wording
    from loanbook.pipelines.resources import open_stored, settings

    ledger, policies = open_stored()
    number = loan_id(LedgerReader(settings()), loan)
    day = published_day(ledger, iso_date(as_of, "--as-of"))
    events = ledger.life_of(number, ledger.head().published_date or day)
    why = explained(replay(events, policies, day), policies, number, day)
    currency = CURRENCY_NAMES[int(events["currency"][0])]
    if as_json:
        out.print_json(json.dumps(asdict(why), default=str))
    else:
        _print(why, currency)
        for text in wording.taken_back(events, currency):
            out.print(text, soft_wrap=True, highlight=False)
    if not why.accounted:
        raise LoanbookError(
            f"the lines of loan {number} do not sum to its position; this is a defect, report it"
        )


def _print(why: Explanation, currency: str) -> None:
    from loanbook.pipelines.reporting import wording

    out.print(f"[bold]Loan {why.loan_id} as of {why.as_of}[/bold], amounts in {currency}")
    day = None
    for line in why.lines:
        if line.date != day:
            day = line.date
            out.print(f"\n[bold]{day}[/bold]")
        out.print(f"  {escape(wording.what(line, currency))}", soft_wrap=True, highlight=False)
        out.print(f"      [dim]{escape(wording.why(line))}[/dim]", soft_wrap=True, highlight=False)
    out.print(f"\n[bold]stands at[/bold] {wording.stands_at(why, currency)}")


def delinquency(
    loan: Annotated[
        str | None,
        typer.Argument(help="The loan's key, or its number as #7; without it, the book."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="Business date; default: the last.")] = None,
    known_at: Annotated[int | None, typer.Option(help="Version; default: the last.")] = None,
) -> None:
    """Days past due in every convention: of a loan, each date its state turned; else loans by state.

    RBI, MBA, OTS, EBA and IFRS 9 read the same stored days; `days_after_due` counts the due date
    as day 0.
    """
    from loanbook.core.servicing.arrears.conventions import TURNS
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import policies_of, settings

    reader, day = LedgerReader(settings()), iso_date(as_of, "--as-of")
    if loan is not None:
        number = loan_id(reader, loan)
        states = reader.delinquency_states(day, known_at, number)
        if states.is_empty():
            raise LoanbookError(f"loan {number} is in no version by then; see `loanbook loan list`")
        turns = states.filter(
            pl.any_horizontal(
                pl.col(name).ne_missing(pl.col(name).shift(1)) for name in TURNS
            ).fill_null(True)
            | (pl.int_range(pl.len()) == pl.len() - 1)
        )
        show(turns.drop("loan_id"), f"Loan {number}: dates on which its state turned, and the last")
        return
    states = reader.delinquency_states(day, known_at)
    _, on = reader.version_of(day, known_at)
    counts = [
        states.group_by(state=pl.col(name).cast(pl.String))
        .agg(loans=pl.len())
        .sort("state")
        .select(pl.lit(name).alias("convention"), "state", "loans")
        for name in TURNS
    ]
    show(pl.concat(counts), f"As of {on}: {states.height} loans that were ever late")
    late = reader.delinquency(day, known_at, grace_days(policies_of(reader)))
    counted = int((late["delinquent_days"] > 0).sum())
    show(late.head(50), f"{late.height} loans past due, {counted} of them delinquent after grace "
         "and pauses")  # fmt: skip


def payoff(
    loan: Loan,
    on: Annotated[str | None, typer.Option(help="Day of payment; default: the next day.")] = None,
    as_json: AsJson = False,
) -> None:
    """What settles a loan on a day, the interest of a night more, and how long that holds."""
    from loanbook.core.servicing.replay.payoff_quote import quote
    from loanbook.core.store.history import StoredHistory
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import open_stored, settings

    ledger, policies = open_stored()
    number = loan_id(LedgerReader(settings()), loan)
    last = published_day(ledger, None)
    day = iso_date(on, "--on") or last + dt.timedelta(days=1)
    if day <= last:
        raise LoanbookError(
            f"{day} is closed already; quote {last + dt.timedelta(days=1)} or later"
        )
    past = StoredHistory(ledger, policies, last + dt.timedelta(days=1))
    book = past.book(pl.Series([number]), last)
    rows = quote(book, policies, day)
    if rows.is_empty():
        raise LoanbookError(f"loan {number} owes nothing on {last}; see `loanbook loan show`")
    row = rows.row(0, named=True)
    currency = CURRENCY_NAMES[int(book.terms["currency"][0])]
    if as_json:
        out.print_json(json.dumps(row | {"paid_on": day}, default=str))
        return
    out.print(f"[bold]Loan {number} is settled on {day} by {to_major(row['payoff'], currency)} "
              f"{currency}[/bold]")  # fmt: skip
    for part in (*PARTS, "credit"):
        sign = "less " if part == "credit" else ""
        out.print(f"  {sign}{part} {to_major(row[part], currency)}")
    out.print(f"Each night more: {to_major(row['per_diem'], currency)}, to {row['expires_on']}; "
              "then ask anew.")  # fmt: skip


def dispute(
    loan: Loan,
    as_of: AsOf = None,
    to: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("dispute"),
) -> None:
    """Write a loan's dispute pack: its path cent by cent (text, JSON, PDF), its rows, policies and proof."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.reporting.dispute import write_pack
    from loanbook.pipelines.resources import open_stored, settings

    ledger, policies = open_stored()
    reader = LedgerReader(settings())
    number = loan_id(reader, loan)
    day = published_day(ledger, iso_date(as_of, "--as-of"))
    files = write_pack(ledger, policies, reader, number, day, to)
    for path in files:
        out.print(str(path), highlight=False)
