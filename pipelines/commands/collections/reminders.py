"""`loanbook reminders due | send | list`: what borrowers are reminded of, what goes out, and what did not and why."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from typing import Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major
from loanbook.pipelines.commands.console import (
    MOST,
    AsCsv,
    AsJson,
    KnownAt,
    believed,
    first_alone,
    found_loan,
    iso_date,
    keyed,
    opened,
    out,
    piped,
    show,
)

At = Annotated[str, typer.Option(help="In a demo alone: the instant, with its offset. Else now.")]


def due(at: At = "", as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """What would become now of reminders that are not decided yet; nothing is sent, written or decrypted."""
    from loanbook.core.store.people.acting import is_demo
    from loanbook.pipelines.reminders.gathering import reminders_at
    from loanbook.pipelines.reminders.sending import moment_of
    from loanbook.pipelines.reminders.sending import opened as office_of

    reader, policies = opened()
    moment = moment_of(at, is_demo(reader.settings))
    with office_of(reader, policies) as (office, _):
        rows = reminders_at(office, moment)
    told = rows.select(
        "state", "loan_key", "step", "channel", "day", "due_date", "amount", "currency", "reason", "allowed_at", "zone",
        "reminder_id",
    )  # fmt: skip
    if piped(told, as_json, as_csv):
        return
    show(told.with_columns(major("amount")).drop("reminder_id").head(MOST), f"Reminders for {office.day} at {moment:%Y-%m-%d %H:%M} UTC")  # fmt: skip
    _counted(told)


def send(at: At = "", as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Send what may go out now, at the borrowers' own time and within contact rules; what may not is kept with the reason.

    Each goes out once: run it by the hour. In a demo it goes to the file `reminders/sink.jsonl` and nowhere else.
    """
    from loanbook.core.store.people.acting import is_demo
    from loanbook.pipelines.reminders.sending import moment_of
    from loanbook.pipelines.reminders.sending import send as sent
    from loanbook.pipelines.resources import open_instance

    reader, policies = opened()
    moment = moment_of(at, is_demo(reader.settings))
    ledger, _ = open_instance(reader.settings)
    with ledger:
        rows = sent(ledger, policies, moment)
    if piped(rows, as_json, as_csv):
        return
    _shown(rows.drop("loan_key").pipe(keyed, reader), "Reminders")
    _counted(rows)


def list_reminders(
    loan: Annotated[str, typer.Argument(help="Key of a loan; none: of all.")] = "",
    day: Annotated[str | None, typer.Option("--on", help="Day that they were for; none: any.")] = None,
    by: Annotated[bool, typer.Option("--why", help="Counts by step, channel, state and reason.")] = False,
    known_at: KnownAt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Reminders and what became of each: sent, failed, unsure, or suppressed with the reason."""
    from loanbook.core.store.known import reminders as stored

    reader, _ = opened()
    at = reader.clocks(None, known_at)
    number = found_loan(loan, None, None).number if loan else None
    on = iso_date(day, "--on")
    booked = at.booked + dt.timedelta(days=1)
    with closing(reader):
        rows = reader.query(stored.NOW, {"booked": booked, "loan": number}).drop(
            "failures", "recorded_at"
        )
        rows = rows.filter(pl.col("day") == on) if on else rows
        if by:
            counts = rows.group_by("step", "channel", "state", "reason").len("reminders")
            rows = counts.sort("step", "state", "reason", "channel", nulls_last=True)
        else:
            rows = rows.drop("loan_key").pipe(keyed, reader)
    if piped(rows, as_json, as_csv):
        return
    if by:
        show(rows, f"Reminders {believed(at)}")
    else:
        _shown(rows, f"Reminders {believed(at)}")
    _counted(rows if not by else rows.rename({"reminders": "n"}))


def _shown(rows: pl.DataFrame, title: str) -> None:
    shown = rows.with_columns(major("amount")).select(
        "loan_key", "step", "day", "state", "channel", "reason", "due_date", "amount", "currency", "template",
    )  # fmt: skip
    show(shown.head(MOST), title)


def _counted(rows: pl.DataFrame) -> None:
    count = pl.col("n").sum() if "n" in rows.columns else pl.len()
    counts = rows.group_by("state").agg(count.alias("n")).sort("state").rows()
    out.print(
        (", ".join(f"{n:,} {state}" for state, n in counts) or "No reminder")
        + f"{first_alone(rows.height)}."
    )
