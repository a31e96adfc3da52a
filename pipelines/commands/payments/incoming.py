"""`loanbook payments files | entries | suspense | assign`: a clerk's day with what the bank sent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major_of_any, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    To,
    iso_date,
    out,
    piped,
    reading,
    show,
    who_acts,
    written,
)
from loanbook.pipelines.commands.landing import acting_as, land

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader

Since = Annotated[
    str | None, typer.Option(help="First date of files; default: the last date that has files.")
]
Until = Annotated[
    str | None, typer.Option(help="Last date of files; default: the same as --since.")
]


def files(
    since: Since = None,
    until: Until = None,
    to: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Files of banks by date: entries and money by outcome, and whether accounts tie.

    For every file: entries = applied + settled + returned + suspense + outside + duplicate + quarantined, in number and in
    minor units. For every account and day: opening balance + entries = closing balance, and a day opens as the one
    before it closed. A file that does not tie to its own totals is refused whole: `loanbook run` and
    `loanbook sql "SELECT name, reason FROM files WHERE state = 'refused'"` say why.
    """
    from loanbook.core.payments.incoming.outcomes import OUTCOMES
    from loanbook.core.store.banking.reading import DAYS, FILES

    reader = reading()
    first, last = _range(reader, since, until)
    rows = reader.query(FILES, {"first": first, "last": last})
    days = reader.query(DAYS, {"first": first, "last": last})
    written(rows, to)
    if piped(rows, as_json, as_csv):
        return
    if rows.is_empty():
        out.print(f"No file of a bank has a date from {first} to {last}.")
        return
    told = rows.with_columns(
        major_of_any(name) for name in ("amount", *(f"{name}_amount" for name in OUTCOMES))
    )
    shown = told.select(
        "business_date", "name", "format", "currency", "entries", *OUTCOMES, "amount"
    )
    show(shown, "Files: entries by what became of them")
    show(
        told.select("name", "currency", *(f"{name}_amount" for name in OUTCOMES)),
        "The same in money",
    )
    if days.height:
        sums = days.with_columns(
            major_of_any(name) for name in ("opening", "moved", "closing", "closed_before")
        )
        show(sums, "Accounts by day: opening + entries = closing")
        off = days.filter(~(pl.col("ties") & pl.col("follows"))).height
        out.print(f"Days of accounts that do not tie or do not follow: {off} of {days.height}.")


def entries(
    since: Since = None,
    until: Until = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            help="applied, settled, returned, suspense, outside, duplicate or quarantined; as it is now."
        ),
    ] = None,
    loan: Annotated[
        str | None, typer.Option(help="Entries applied to the loan of this key.")
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Entries of banks' files, each with what became of it, the rule that decided and why.

    Names and texts are cut as the ledger keeps them; file and line say where the whole stands. With --json or --csv
    amounts are in minor units.
    """
    from loanbook.core.payments.incoming.outcomes import OUTCOMES
    from loanbook.core.store.banking.reading import ENTRIES

    if outcome is not None and outcome not in OUTCOMES:
        raise typer.BadParameter(
            f"{outcome!r} is none of {', '.join(OUTCOMES)}", param_hint="--outcome"
        )
    reader = reading()
    first, last = (
        _range(reader, since, until) if since or until or not loan else (dt.date.min, dt.date.max)
    )
    asked = {"first": first, "last": last, "outcome": outcome, "loan": loan, "account": None}
    rows = reader.query(ENTRIES, asked)
    if piped(rows, as_json, as_csv):
        return
    shown = rows.with_columns(major_of_any("amount")).select(
        "business_date", "file", "line", "direction", "amount", "currency", "value_date", "outcome",
        "rule", "loan_key", "confidence", "payer", "remittance", "entry_id",
    )  # fmt: skip
    show(shown)
    out.print(f"{counted(rows.height, 'entry', 'entries')}.")


def suspense(as_of: AsOf = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """What waits in suspense, the oldest first, with the loans that it may be of and their scores.

    Confidence is 0 to 1000, from the likeness of names, the amount and the due date, by the weights of the account's
    `receipt_matching`. What is assigned leaves suspense: `loanbook payments assign`.
    """
    from loanbook.core.store.banking.reading import CANDIDATES, SUSPENSE

    reader = reading()
    on = iso_date(as_of, "--as-of") or _latest(reader)
    rows = reader.query(SUSPENSE, {"on": on})
    likely = reader.query(CANDIDATES, {"ids": rows["entry_id"].to_list()})
    if as_json or as_csv:
        piped(rows.join(likely, on="entry_id", how="left"), as_json, as_csv)
        return
    if rows.is_empty():
        out.print(f"Nothing waits in suspense on {on}.")
        return
    shown = rows.with_columns(major_of_any("amount"))
    show(
        shown.select("entry_id", "account", "value_date", "days", "direction", "amount", "currency",
                     "payer", "remittance", "said"),
        f"In suspense on {on}",
    )  # fmt: skip
    if likely.height:
        show(likely, "Loans that they may be of")
    sums = (
        rows.group_by("currency", "direction")
        .agg(pl.len(), pl.col("amount").sum())
        .sort("currency")
    )
    for currency, direction, count, amount in sums.rows():
        out.print(
            f"{direction}: {counted(count, 'entry', 'entries')}, {to_major(amount, currency)} {currency}"
        )


def assign(
    entry: Annotated[
        str, typer.Argument(help="Id of the entry, as `loanbook payments suspense` has it.")
    ],
    reason: Annotated[str, typer.Option(help="Why, as a code: payer_confirmed.")],
    loan: Annotated[
        str | None, typer.Option(help="Key of the loan that it is a payment of.")
    ] = None,
    without_loan: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Without a loan: `outside`, it is not the book's and leaves the books of the bank too; or `settled`, "
            "its payments came in another file.",
        ),
    ] = None,
    maker: Annotated[str, who_acts("decides")] = "",
    checker: Annotated[
        str, typer.Option(help="Who checked: another person, unless the policy lets one decide.")
    ] = "",
) -> None:
    """Decide on an entry in suspense: a payment of a loan, money that settles others, or none of the book's.

    The decision lands as a file `assignments_DATE_ENTRY.csv`, after it was tried; the next `loanbook run` takes it in.
    A payment counts from the entry's own day: what was said of the loan since is restated, and stays to be seen.
    Many at once: land such a file yourself (docs/file-kinds.md).
    """
    if (loan is None) == (without_loan is None) or without_loan not in (None, "outside", "settled"):
        raise LoanbookError("say what it is, one of them: --loan KEY, --as outside, --as settled")
    row = {"entry_id": entry, "decision": without_loan or "apply", "loan_key": loan or "", "maker": acting_as(maker, "--maker"),
           "checker": checker, "reason": reason}  # fmt: skip
    place = land(
        "assignments", pl.DataFrame([row]), entry[:24], lambda day: day or _latest(reading())
    )
    out.print(f"{place} waits in the landing folder; the next `loanbook run` takes it in.")


def simulate(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder that `loanbook simulate` wrote.", exists=True, file_okay=False),
    ],
    formats: Annotated[
        list[str],
        typer.Option("--as", help="camt.053, mt940, bai2, nacha or processor; several take turns."),
    ],
) -> None:
    """Write the payments of a simulated folder as files of a bank or a card processor, in place of its CSV files.

    The loans and the money are the same; payers name them in different ways, one payment in fifty names nothing. The
    truth of every entry stands in FOLDER_money_truth.csv. The accounts are policies: bank_accounts/synthetic-*.
    """
    from loanbook.pipelines.simulation.bank_files import rewrite

    files, truth = rewrite(folder, formats)
    out.print(
        f"{folder} now holds its money in {counted(files, 'file')}; what is true of each entry: {truth}"
    )


def _range(reader: LedgerReader, since: str | None, until: str | None) -> tuple[dt.date, dt.date]:
    first = iso_date(since, "--since")
    last = iso_date(until, "--until")
    if first is None and last is None:
        return (_latest(reader),) * 2
    first = first or last
    last = last or first
    assert first is not None
    assert last is not None
    return first, last


def _latest(reader: LedgerReader) -> dt.date:
    """The last date that has files of banks; else the last published one."""
    (day,) = reader.query("SELECT max(business_date) FROM bank_files").row(0)
    found = day or reader.published_range()[1]
    if found is None:
        raise LoanbookError("no file of a bank was taken in yet; land one and run `loanbook run`")
    return found
