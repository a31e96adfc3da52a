"""Commands of the whole book: what was taken over, changed, credited, or came too late."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.catalogue.codes import Kind, Status, label
from loanbook.core.contract.money import major, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    KnownAt,
    OneLoan,
    To,
    amounts_and_days,
    believed,
    difficulty_reasons,
    iso_date,
    keyed,
    loan_id,
    opened,
    out,
    piped,
    reading,
    show,
    written,
)

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader


def migration(
    day: Annotated[str | None, typer.Argument(help="Date of the tape; default: every one.")] = None,
    known_at: KnownAt = None,
    to: Annotated[Path | None, typer.Option(help="CSV file for every loan and balance.")] = None,
) -> None:
    """Tie the tapes of loans that already lived to the ledger, loan by loan and balance by balance."""
    from loanbook.core.servicing.changes.migration_in import openings, tied

    reader = reading()
    at = reader.clocks(None, known_at)
    only = iso_date(day, "date")
    tapes = openings(reader.query(
        "SELECT * FROM events WHERE kind = ? AND booking_date <= ?", [Kind.migrated_in.value, at.booked]
    ))  # fmt: skip
    tapes = tapes.filter(pl.col("on") == only) if only else tapes
    if tapes.is_empty():
        raise LoanbookError(
            "no loan was migrated in" + (f" on {only}" if only else "") + "; drop a tape whose "
            "mapping has opening balances (docs/own-book.md) and run `loanbook close`"
        )
    found = []
    for (on,), tape in tapes.partition_by("on", as_dict=True).items():
        positions = reader.query("SELECT * FROM positions_at(?, ?)", [on, at.known])
        found.append(tied(tape, positions).insert_column(0, pl.lit(on).alias("migrated_in_on")))
    lines = keyed(pl.concat(found), reader)
    sums = lines.group_by("migrated_in_on", "currency", "balance", maintain_order=True).agg(
        pl.col("tape", "ledger", "difference").sum(),
        loans=pl.len(),
        tie=pl.col("ties").sum(),
    )
    show(_tied(sums), "Loans that were migrated in (days for days past due)")
    breaks = lines.filter(~pl.col("ties"))
    if breaks.height:
        show(_tied(breaks.head(20)), f"{breaks.height} balances differ")
    written(_tied(lines), to)


def _tied(lines: pl.DataFrame) -> pl.DataFrame:
    """For people: balances in units of their currency, days as they are."""
    days = pl.col("balance") == "days_past_due"
    return lines.with_columns(
        amounts_and_days(name, days) for name in ("tape", "ledger", "difference")
    )


REGULATION_Z_MONTHS = 6
"""A credit must be tried to be given back after so long: 12 CFR 1026.11(a)(3), 1026.21(c)."""


def modifications(as_of: AsOf = None, known_at: KnownAt = None, to: To = None) -> None:
    """Changes of all contracts by kind and reason, and which are forbearance."""
    reader, policies = opened()
    at = reader.clocks(as_of, known_at)
    rows = reader.modifications(at.on, at.known, None, difficulty_reasons(policies))
    written(rows, to)
    if rows.is_empty():
        out.print(f"No contract was changed, {believed(at)}.")
        return
    by = rows.group_by("kind", "reason", "forborne").agg(
        changes=pl.len(), loans=pl.col("loan_id").n_unique()
    )
    show(by.sort("kind", "reason", "forborne", nulls_last=True),
         f"Changes of contracts {believed(at)}")  # fmt: skip


def hardship(as_of: AsOf = None, known_at: KnownAt = None, to: To = None) -> None:
    """Arrangements for borrowers in hardship: when each starts and stops, and its credit-report code.

    CP: an account in forbearance, while it rests; AC: paying under a changed agreement.
    """
    reader, policies = opened()
    at = reader.clocks(as_of, known_at)
    rows = reader.relief(at.on, at.known, difficulty_reasons(policies))
    written(rows, to)
    if rows.is_empty():
        out.print(f"No borrower has an arrangement, {believed(at)}.")
        return
    show(rows.head(50), f"{rows.height} arrangements, {rows['runs'].sum()} of them run, "
         f"{believed(at)}")  # fmt: skip


def held(
    as_of: AsOf = None, known_at: KnownAt = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Loans that a date shows at their last good positions, since their own day would break a law.

    They are tried again at every close, and return by themselves when the cause is mended.
    """
    reader = reading()
    at = reader.clocks(as_of, known_at)
    rows = reader.held(at.on, at.known).drop("loan_id")
    if piped(rows, as_json, as_csv):
        return
    if rows.is_empty():
        out.print(f"No loan is held, {believed(at)}.")
        return
    out.print(f"Held: {counted(rows.height, 'loan')}, {believed(at)}.")
    for row in rows.to_dicts():
        good = f"good until {row['good_until']}" if row["good_until"] else "never in the book yet"
        out.print(
            f"[bold]{row['loan_key']}[/bold] of {row['product']}, held since {row['since']}, {good}"
        )
        out.print(f"  {row['law'].replace('_', ' ')}: {row['figures']}", highlight=False)
        out.print(f"  {row['remedy']}", highlight=False)


def after_closure(as_of: AsOf = None, known_at: KnownAt = None, to: To = None) -> None:
    """What came for loans that had ended: money from outside, or an order after two people reopened one."""
    reader = reading()
    at = reader.clocks(as_of, known_at)
    rows = reader.after_closure(at.on, at.known)
    shown = keyed(rows.drop("event_id", "kind"), reader).with_columns(major("amount"))
    written(shown, to)
    if rows.is_empty():
        out.print(f"Nothing came for a loan that had ended, {believed(at)}.")
        return
    show(shown.head(50), f"{counted(rows.height, 'event')} after an ending, {believed(at)}")


def credit_balances(as_of: AsOf = None, known_at: KnownAt = None, to: To = None) -> None:
    """Borrowers' credit balances, the oldest first, and which are older than six months.

    Six months is when Regulation Z asks for a good-faith effort to give the credit back.
    """
    reader = reading()
    at = reader.clocks(as_of, known_at)
    rows = reader.credits(at.on, at.known)
    named = keyed(rows.drop("currency"), reader).with_columns(
        label("status", Status), to_be_returned=pl.col("months") >= REGULATION_Z_MONTHS
    )
    shown = named.with_columns(major("credit"))
    written(shown, to)
    if rows.is_empty():
        out.print(f"No borrower has credit, {believed(at)}.")
        return
    show(shown.head(50), f"{counted(rows.height, 'loan')} with credit, {believed(at)}")
    for (currency,), part in named.partition_by("currency", as_dict=True).items():
        old = part.filter(pl.col("to_be_returned"))
        out.print(f"{to_major(int(part['credit'].sum()), str(currency))} {currency} in all, "
                  f"{to_major(int(old['credit'].sum()), str(currency))} of it for {REGULATION_Z_MONTHS} "
                  "months or more; `refund_credit` gives it back (docs/orders.md)")  # fmt: skip


def restatements(
    loan: OneLoan = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    to: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """What was said and what is said now: figures that a later version gave anew, and the event that did it.

    Of --as-of; without it, of the last day that each version gave anew.
    """
    reader = reading()
    at = reader.clocks(as_of, known_at)
    number = None if loan is None else loan_id(reader, loan)
    rows = reader.restated(None if as_of is None else at.on, at.known, loan_id=number)
    told = keyed(rows, reader).with_columns(event=_events_told(rows, reader)).drop("event_ids")
    days = pl.col("figure") == "days_past_due"
    shown = told.with_columns(
        amounts_and_days(name, days) for name in ("said", "now", "difference")
    )
    written(shown, to)
    if piped(told, as_json, as_csv):
        return
    if rows.is_empty():
        out.print(
            f"Nothing was restated{f' of {at.on}' if as_of else ''}, as known at version {at.known}."
        )
        return
    loans = rows.select("version", "loan_id").n_unique()
    show(shown.drop("first_date", "last_date", "said_by").head(50),
         f"{counted(loans, 'restatement')} of a loan; days for days past due")  # fmt: skip


def _events_told(rows: pl.DataFrame, reader: LedgerReader) -> pl.Series:
    """The events that restated, in words: kind, reference and value date."""
    events = reader.query("SELECT event_id, kind, source_ref, value_date FROM events WHERE event_id IN "
                          "(SELECT unnest(?))", [rows["event_ids"].explode().unique().drop_nulls().to_list()])  # fmt: skip
    words = dict(
        events.select(
            "event_id",
            pl.format(
                "{} {} of {}",
                label("kind", Kind).str.replace_all("_", " "),
                "source_ref",
                "value_date",
            ),
        ).rows()
    )
    return pl.Series(
        "event", ["; ".join(words[each] for each in ids) for ids in rows["event_ids"].to_list()],
        dtype=pl.String,
    )  # fmt: skip
