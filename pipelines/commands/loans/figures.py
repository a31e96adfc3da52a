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
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsJson,
    AsOf,
    KnownAt,
    Loan,
    believed,
    found_loan,
    grace_days,
    iso_date,
    keyed,
    loan_and_key,
    opened,
    out,
    show,
)

if TYPE_CHECKING:
    from loanbook.core.servicing.explain.explain import Explanation


def explain(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Why a loan stands where it stands: event, rule and policy version, amounts, arrears."""
    from loanbook.pipelines.reporting import wording
    from loanbook.pipelines.servicing.verify import explained

    of = found_loan(loan, as_of, known_at)
    lake = of.reader.lake()
    why, _ = explained(lake, of.policies, of.number, of.at)
    events = lake.life_of(of.number, of.at.booked)
    currency = CURRENCY_NAMES[int(events["currency"][0])]
    if as_json:
        out.print_json(json.dumps({"loan_key": of.key, "currency": currency, "unit": "minor"}
                                  | asdict(why), default=str))  # fmt: skip
        return
    out.print(f"[bold]Loan {escape(of.key)} {believed(of.at)}[/bold], amounts in {currency}")
    _print(why, currency)
    texts = wording.held_by(why.held) if why.held else wording.taken_back(events, currency)
    for text in texts:
        out.print(escape(text), soft_wrap=True, highlight=False)


def _print(why: Explanation, currency: str) -> None:
    from loanbook.pipelines.reporting import wording

    day = None
    for line in why.lines:
        if line.date != day:
            day = line.date
            out.print(f"\n[bold]{day}[/bold]")
        out.print(f"  {escape(wording.what(line, currency))}", soft_wrap=True, highlight=False)
        out.print(f"      [dim]{escape(wording.why(line))}[/dim]", soft_wrap=True, highlight=False)
    stands = wording.stands_at(why, currency)
    out.print(f"\n[bold]stands at[/bold] {stands}", soft_wrap=True)


def delinquency(
    loan: Annotated[
        str | None,
        typer.Argument(help="The loan's key, or its number as #7; without it, the book."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """Days past due in every convention: of a loan, each date its state turned; else loans by state.

    RBI, MBA, OTS, EBA and IFRS 9 read the same stored days; `days_after_due` counts the due date
    as day 0.
    """
    from loanbook.core.servicing.arrears.conventions import TURNS

    reader, policies = opened()
    at = reader.clocks(as_of, known_at)
    if loan is not None:
        number, key = loan_and_key(reader, loan)
        states = reader.delinquency_states(at.on, at.known, number)
        if states.is_empty():
            raise LoanbookError(f"loan {key} is in no version by then; see `loanbook loan list`")
        turns = states.filter(
            pl.any_horizontal(
                pl.col(name).ne_missing(pl.col(name).shift(1)) for name in TURNS
            ).fill_null(True)
            | (pl.int_range(pl.len()) == pl.len() - 1)
        )
        show(
            turns.drop("loan_id"),
            f"Loan {key}, {believed(at)}: dates on which its state turned, and the last",
        )
        return
    states = reader.delinquency_states(at.on, at.known)
    counts = [
        states.group_by(state=pl.col(name).cast(pl.String))
        .agg(loans=pl.len())
        .sort("state")
        .select(pl.lit(name).alias("convention"), "state", "loans")
        for name in TURNS
    ]
    show(
        pl.concat(counts),
        f"{believed(at).capitalize()}: {counted(states.height, 'loan')} ever late",
    )
    late = reader.delinquency(at.on, at.known, grace_days(policies))
    delinquent = int((late["delinquent_days"] > 0).sum())
    show(keyed(late.head(50), reader).drop("currency"), f"{counted(late.height, 'loan')} past due, {delinquent} of them delinquent after grace "
         "and pauses")  # fmt: skip


def payoff(
    loan: Loan,
    on: Annotated[
        str | None, typer.Option(help="Day of payment; default: the one after --as-of.")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """What settles a loan on a day, the interest of a night more, and how long that holds.

    It is quoted from the book at the end of --as-of, as known then.
    """
    from loanbook.core.servicing.replay.payoff_quote import quote
    from loanbook.core.store.history import StoredHistory

    of = found_loan(loan, as_of, known_at)
    at = of.at
    next_day = at.on + dt.timedelta(days=1)
    day = iso_date(on, "--on") or next_day
    if day <= at.on:
        raise LoanbookError(
            f"{day} is closed already; quote {next_day} or later, or from an earlier --as-of"
        )
    past = StoredHistory(of.reader.lake(), of.policies, next_day, at.known)
    book = past.book(pl.Series([of.number]), at.on)
    rows = quote(book, of.policies, day)
    if rows.is_empty():
        raise LoanbookError(f"loan {of.key} owes nothing on {at.on}; see `loanbook loan show`")
    row = rows.row(0, named=True)
    currency = CURRENCY_NAMES[int(book.terms["currency"][0])]
    if as_json:
        out.print_json(json.dumps(row | {"paid_on": day}, default=str))
        return
    out.print(f"[bold]Loan {of.key} is settled on {day} by {to_major(row['payoff'], currency)} "
              f"{currency}[/bold] ({believed(at)})")  # fmt: skip
    for part in (*PARTS, "credit"):
        sign = "less " if part == "credit" else ""
        out.print(f"  {sign}{part} {to_major(row[part], currency)}")
    out.print(f"Each night more: {to_major(row['per_diem'], currency)}, to {row['expires_on']}; "
              "then ask anew.")  # fmt: skip


def dispute(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    to: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("dispute"),
) -> None:
    """Write a loan's dispute pack: its path cent by cent (text, JSON, PDF), its rows, policies and proof."""
    from loanbook.pipelines.reporting.dispute import write_pack

    of = found_loan(loan, as_of, known_at)
    for path in write_pack(of.reader, of.policies, of.number, of.at, to):
        out.print(str(path), highlight=False)
