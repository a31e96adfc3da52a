"""`loanbook closure list | letters | collateral`: what is to be done of loans that ended, by when, and what delay costs."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    MOST,
    AsCsv,
    AsJson,
    AsOf,
    believed,
    iso_date,
    opened,
    out,
    piped,
    show,
)


def list_tasks(
    as_of: AsOf = None,
    late: Annotated[bool, typer.Option("--late", help="What is, or was, too late, with what it costs.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Letters and collateral of loans that ended or were charged off: by when, when it was done, days late, compensation."""
    from loanbook.core.documents.closure import breaches
    from loanbook.pipelines.documents.closing import tasks_of

    reader, policies = opened()
    at = reader.clocks(as_of, None)
    with closing(reader):
        rows = tasks_of(reader, policies, at)
    rows = breaches(rows) if late else rows
    told = rows.drop("loan_id")
    if piped(told, as_json, as_csv):
        return
    if rows.height:
        show(
            told.with_columns(major("compensation")).drop("source", "jurisdiction").head(MOST),
            f"Loans that ended, {believed(at)}",
        )
    sums = rows.group_by("currency").agg(pl.col("compensation").sum()).filter(pl.col("compensation") > 0)  # fmt: skip
    owed = ", ".join(f"{amount} {name}" for name, amount in sums.sort("currency").with_columns(major("compensation")).rows())  # fmt: skip
    counts = ", ".join(f"{n:,} {state}" for state, n in rows.group_by("state").len().sort("state").rows())  # fmt: skip
    out.print(f"{counted(rows.height, 'task')}: {counts or 'none'}{f'; delay costs {owed}' if owed else ''}.")  # fmt: skip


def letters() -> None:
    """Make the letters of loans that ended by the last date: paid in full, no objection, settlement, charge-off; each once.

    They stand among the documents: `loanbook documents list LOAN`, `show`, `verify`.
    """
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.documents.closing import make_letters
    from loanbook.pipelines.resources import open_instance, policies_of

    ledger, _ = open_instance()
    with ledger, closing(LedgerReader(ledger.settings)) as reader:
        made = make_letters(ledger, reader, policies_of(reader), reader.clocks())
    counts = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in made.group_by("kind").len().sort("kind").rows())  # fmt: skip
    out.print(f"Made: {counts}." if counts else "No letter is to be made.")


def collateral(
    loan: Annotated[str, typer.Argument(help="Key of the loan.")],
    reference: Annotated[str, typer.Argument(help="What it is called: a number of a title, of a vehicle.")],
    step: Annotated[str, typer.Argument(help="held, or returned: given back, and its charge released.")],
    on: Annotated[str | None, typer.Option(help="Since when, or when.")] = None,
    kind: Annotated[str, typer.Option(help="title, vehicle, deposit, guarantee or other; with held.")] = "",
) -> None:  # fmt: skip
    """Write down collateral that is held for a loan, or that it was given back; what stands is never edited."""
    from loanbook.core.store.agreements.closures import COLLATERAL, STEPS, add_step
    from loanbook.core.store.lake import utc_now
    from loanbook.pipelines.commands.agreements.acting import opened_for_writing, who

    day = iso_date(on, "--on")
    if day is None:
        raise LoanbookError("say when: --on 2024-03-31")
    if day > (today := utc_now().date()):
        raise LoanbookError(f"{day} is after today ({today}), and what stands is never edited: write it down on its day, or mend --on")  # fmt: skip
    if step not in STEPS:
        raise LoanbookError(f"{step!r} is nothing that becomes of collateral; use {' or '.join(STEPS)}")  # fmt: skip
    if step == "held" and kind not in COLLATERAL:
        raise LoanbookError(f"say what it is: --kind with one of {', '.join(COLLATERAL)}")
    if not reference.strip() or len(reference) > 64:
        raise LoanbookError("give the collateral a reference of 1 to 64 signs")
    ledger, _ = opened_for_writing()
    with ledger:
        by = who(ledger.settings)
        fresh = add_step(ledger, loan, (reference.strip(), kind), step, day, by.name)
    out.print(f"Collateral {reference} of loan {loan}: {step} on {day}." if fresh else "It stands there already.")  # fmt: skip
