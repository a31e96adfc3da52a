"""Commands that list what people answer for: changes of contracts, what came after an ending, credit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from loanbook.core.catalogue.codes import Status, label
from loanbook.core.contract.money import CURRENCY_NAMES, EXPONENT, decimal_text, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Delinquency
from loanbook.core.servicing.explain.contract_changes import Modification, overlaid
from loanbook.core.servicing.explain.contract_changes import modifications as changes_of
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.console import date, loan_id, out, show
from loanbook.pipelines.loan_commands import AsJson, Loan, published_day
from loanbook.pipelines.reporting.dispute import write_pack
from loanbook.pipelines.resources import open_instance, policies_of, settings

AsOf = Annotated[str | None, typer.Option(help="Business date; default: the last.")]
To = Annotated[Path | None, typer.Option(help="CSV file for every line.")]
REGULATION_Z_MONTHS = 6
"""A credit must be tried to be given back after so long: 12 CFR 1026.11(a)(3), 1026.21(c)."""


def register(app: typer.Typer) -> None:
    """Add the commands to the `loanbook` command."""
    app.command()(schedules)
    app.command()(modifications)
    app.command()(hardship)
    app.command()(dispute)
    app.command()(after_closure)
    app.command("credits")(credit_balances)


def schedules(
    loan: Loan,
    as_of: AsOf = None,
    change: Annotated[int | None, typer.Option(help="Number of the change to lay over.")] = None,
    as_json: AsJson = False,
) -> None:
    """Changes of a loan's contract: the payments before and after each, its worth, forbearance.

    The worth is the present value at the loan's original effective rate (EBA/GL/2016/07).
    """
    ledger, policies = open_instance()
    reader = LedgerReader(settings())
    number = loan_id(reader, loan)
    day = published_day(ledger, date(as_of, "--as-of"))
    events = ledger.life_of(number, day)
    found = changes_of(events, policies, number, day)
    listed = reader.modifications(day, None, number, _difficulty(policies))
    told = [_told(n, each, listed) for n, each in enumerate(found, start=1)]
    if change is not None and not 1 <= change <= len(found):
        raise LoanbookError(
            f"loan {number} has {len(found)} changes by {day}: give --change a number of them"
        )
    if as_json:
        shown = [
            row | {"payments": overlaid(each).to_dicts()}
            for row, each in zip(told, found, strict=True)
        ]
        out.print_json(json.dumps(shown, default=str))
        return
    if not found:
        out.print(f"Loan {number} lives by the contract that it was boarded with.")
        return
    currency = CURRENCY_NAMES[int(events["currency"][0])]
    money = ("worth_before", "worth_after")
    frame = pl.DataFrame(told).with_columns(_major(name, currency) for name in money)
    show(frame, f"Changes of loan {number} by {day}, amounts in {currency}")
    number_of = change or len(found)
    sides = overlaid(found[number_of - 1])
    names = ("before", "after", "difference")
    show(sides.with_columns(_major(name, currency) for name in names),
         f"Change {number_of}: what was to be paid before and after it")  # fmt: skip


def _told(number: int, change: Modification, listed: pl.DataFrame) -> dict[str, object]:
    row = listed.filter(pl.col("event_id") == change.event_id).row(0, named=True)
    return {
        "change": number, "date": change.date, "kind": change.kind.name,
        "reason": row["reason"], "actor": row["actor"], "checker": row["checker"],
        "worth_before": round(change.worth_before), "worth_after": round(change.worth_after),
        "lost_percent": round(change.share_lost * 100, 3), "diminished": change.diminished,
        "days_past_due_before": row["most_days_past_due"], "forborne": row["forborne"],
    }  # fmt: skip


def _major(name: str, currency: str) -> pl.Expr:
    return decimal_text(pl.col(name).cast(pl.Int64), EXPONENT[currency]).alias(name)


def _difficulty(policies: PolicyBook) -> dict[int, list[str]]:
    """Reasons that tell of difficulty, by product."""
    return {
        code: policies.in_force(Delinquency, p.delinquency, p.effective_from).difficulty_reasons
        for code, p in policies.products.items()
    }


def dispute(
    loan: Loan,
    as_of: AsOf = None,
    to: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("dispute"),
) -> None:
    """Write a loan's dispute pack: its path cent by cent (text, JSON, PDF), its rows, policies and proof."""
    ledger, policies = open_instance()
    reader = LedgerReader(settings())
    number = loan_id(reader, loan)
    day = published_day(ledger, date(as_of, "--as-of"))
    files = write_pack(ledger, policies, reader, number, day, to)
    for path in files:
        out.print(str(path), highlight=False)


def modifications(as_of: AsOf = None, to: To = None) -> None:
    """Changes of all contracts by kind and reason, and which are forbearance."""
    reader = LedgerReader(settings())
    rows = reader.modifications(
        date(as_of, "--as-of"), None, None, _difficulty(policies_of(reader))
    )
    if rows.is_empty():
        out.print("No contract was changed.")
        return
    by = rows.group_by("kind", "reason", "forborne").agg(
        changes=pl.len(), loans=pl.col("loan_id").n_unique()
    )
    show(by.sort("kind", "reason", "forborne", nulls_last=True), "Changes of contracts")
    _written(rows, to)


def hardship(as_of: AsOf = None, to: To = None) -> None:
    """Arrangements for borrowers in hardship: when each starts and stops, and its credit-report code.

    CP: an account in forbearance, while it rests; AC: paying under a changed agreement.
    """
    reader = LedgerReader(settings())
    rows = reader.relief(date(as_of, "--as-of"), None, _difficulty(policies_of(reader)))
    if rows.is_empty():
        out.print("No borrower has an arrangement.")
        return
    show(rows.head(50), f"{rows.height} arrangements, {rows['runs'].sum()} of them run")
    _written(rows, to)


def after_closure(as_of: AsOf = None, to: To = None) -> None:
    """What came for loans that had ended: money from outside, or an order after two people reopened one."""
    rows = LedgerReader(settings()).after_closure(date(as_of, "--as-of"))
    if rows.is_empty():
        out.print("Nothing came for a loan that had ended.")
        return
    show(rows.drop("event_id", "kind").head(50), f"{rows.height} events after an ending")
    _written(rows, to)


def credit_balances(as_of: AsOf = None, to: To = None) -> None:
    """Borrowers' credit balances, the oldest first, and which are older than six months.

    Six months is when Regulation Z asks for a good-faith effort to give the credit back.
    """
    rows = LedgerReader(settings()).credits(date(as_of, "--as-of"))
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
    _written(shown, to)


def _written(rows: pl.DataFrame, to: Path | None) -> None:
    if to is not None:
        rows.write_csv(to)
        out.print(f"{to}: {rows.height} lines")
