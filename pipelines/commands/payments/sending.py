"""`loanbook payments present | instruct | mandates | returns`: money that is asked for or paid out, and what comes back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import currency_name, major_of_any, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    To,
    iso_date,
    keyed,
    out,
    piped,
    show,
    written,
)

if TYPE_CHECKING:
    from loanbook.core.store.queries import Queries
    from loanbook.pipelines.payments.presenting import Planned, Presented

On = Annotated[
    str | None,
    typer.Option(help="Day of the file; default: the day after the last published one."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would go out; record nothing, write nothing.")
]
OfLoan = Annotated[str | None, typer.Option("--loan", help="Only of the loan of this key.")]


def present(
    on: On = None,
    dry_run: DryRun = False,
    again: Annotated[
        str | None,
        typer.Option(help="Write a file that was recorded before again, the same bytes, to --to."),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Where --again writes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Present the debits of a day: what falls due by mandates that live, as files in the instance's outbox.

    A due is collected on its day, or the next banking day; its file goes as many banking days before as the
    originator says (policies/originators). Each debit is recorded before its file is handed over, together with the
    payment that it asks for, and is presented once, however often this runs and wherever it is killed. What came back for
    want of funds is presented again by the rules of its code (policies/return_codes). What is not presented is
    listed with the reason: a cap, a mandate that does not live, money that came or is on its way.
    """
    from loanbook.pipelines.payments.outbox import again as written_again
    from loanbook.pipelines.payments.presenting import plan
    from loanbook.pipelines.resources import open_instance

    if again is None:
        _sent(plan, on, dry_run, as_json)
        return
    ledger, policies = open_instance()
    with ledger:
        path = written_again(ledger, policies, ledger.settings, again, to or Path())
    out.print(f"{path}: the same bytes as recorded; the outbox has nothing of it")


def instruct(on: On = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Instruct the payouts of the ledger: disbursements and refunds of credit, as credits in the outbox.

    An originator pays out what its policy names (`pays_out`; nothing unless it says so), to the account of the loan's
    mandate. Each payout is instructed once: its key is the event that it is of. Files are recorded, handed over and
    written again as those of `present`. A payout that the bank sends back is listed by `returns`.
    """
    from loanbook.pipelines.payments.paying import plan_payouts

    _sent(plan_payouts, on, dry_run, as_json)


def mandates(
    as_of: AsOf = None,
    loan: OfLoan = None,
    to: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Mandates on a date: state, since when and why, most of a debit, what was consented to; no account.

    Created by orders (`create_mandate`), changed by orders, returns and notifications of change. The states are created
    (not begun), active, suspended, revoked and expired (its last day, its one use, or too long without any).
    """
    from loanbook.core.store.sending.asking import mandates_at
    from loanbook.pipelines.commands.console import opened

    reader, policies = opened()
    on = iso_date(as_of, "--as-of") or reader.published_range()[1] or dt.date.max
    rows = mandates_at(reader.lake(), policies, on)
    rows = keyed(rows.drop("currency"), reader)
    rows = rows.filter(pl.col("loan_key") == loan) if loan else rows
    told = rows.select(
        "mandate", "loan_key", "originator", "state", "since", "reason", "cap", "collects", "starts", "ends", "payday",
        "channel", "consented_at", "consent",
    )  # fmt: skip
    written(told, to)
    if piped(told, as_json, as_csv):
        return
    shown = rows.with_columns(major_of_any("cap")).select(told.columns)
    show(shown.drop("consent", "channel"), f"Mandates on {on}")
    states = told["state"].value_counts().sort("state").rows()
    out.print(", ".join(f"{state}: {count}" for state, count in states) or "No mandate.")


def returns(
    since: Annotated[
        str | None, typer.Option(help="First date; default: 60 days before the last.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last date; default: the last published one.")
    ] = None,
    loan: OfLoan = None,
    to: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Returns, rejects and notifications of change, and the rates of returns against the limits of each rail.

    Every return has one outcome, with its reason: reversal or chargeback (it entered the ledger), noted (a prenotification), rejected
    (a payout that came back), refused (a person looks at it). Rates are of the debits of 60 days, by originator; one
    above its limit (Nacha: 0.5 % unauthorised, 3 % administrative, 15 % in all) sets off the alarm.
    """
    from loanbook.core.store.sending.rates import rates_at
    from loanbook.core.store.sending.reading import CHAIN, CHANGES, MET, RETURNS
    from loanbook.pipelines.commands.console import opened

    reader, policies = opened()
    last = iso_date(until, "--until") or reader.published_range()[1] or dt.date.max
    first = iso_date(since, "--since") or last - dt.timedelta(days=60)
    asked = {"first": first, "last": last, "loan": loan}
    rows = reader.query(RETURNS, asked)
    written(rows, to)
    if piped(rows, as_json, as_csv):
        return
    shown = rows.drop("instruction_key", "original", "trace").with_columns(major_of_any("amount"))
    show(shown, f"Returns from {first} to {last}")
    news = reader.query(CHANGES, asked)
    if news.height:
        show(news, "Notifications of change")
    if loan:
        show(
            reader.query(CHAIN, {"loan": loan}).with_columns(major_of_any("amount")),
            f"All that was asked of {loan}, and what came back",
        )
        met = reader.query(MET, {"loan": loan})
        show(met.with_columns(major_of_any("amount")), "Instalments that its payments met")
    rates = rates_at(reader.lake(), policies, last)
    show(rates.filter(pl.col("debits") > 0), f"Rates of returns on {last}")
    for name, measure, rate, limit in rates.filter("alarm").select("originator", "measure", "rate_percent", "limit_percent").rows():  # fmt: skip
        out.print(f"[red]alarm[/red] {name}: {measure} {rate} % is above {limit} %")


def _sent(planned: Planned, on: str | None, dry_run: bool, as_json: bool) -> None:
    """Send what is planned for a day, or only show it."""
    import uuid

    from loanbook.pipelines.commands.console import opened
    from loanbook.pipelines.payments.presenting import sent_out
    from loanbook.pipelines.resources import open_instance

    if dry_run:  # only reads, so that it neither waits for a writer nor keeps one waiting
        reader, policies = opened()
        lake = reader.lake()
        _told(planned(lake, policies, _day(lake.published()[1], on)), True, as_json, lake)
        return
    ledger, policies = open_instance()
    with ledger:
        day = _day(ledger.published()[1], on)
        _told(sent_out(planned, ledger, policies, day, uuid.uuid4().hex), False, as_json, ledger)


def _day(published: dt.date | None, on: str | None) -> dt.date:
    day = iso_date(on, "--on")
    if day is not None:
        return day
    if published is None:
        raise LoanbookError(
            "nothing is published yet, so nothing is known to be due; run `loanbook run` first"
        )
    return published + dt.timedelta(days=1)


def _told(done: Presented, dry: bool, as_json: bool, ledger: Queries) -> None:
    """What went out, and what did not."""
    from loanbook.core.store.known.keys import loans_by_id

    rows = pl.DataFrame(
        [(f.row["name"], f.by.name, f.row["payments"], f.row["amount"], f.by.currency) for f in done.files],
        schema={"file": pl.String, "originator": pl.String, "payments": pl.Int64, "amount": pl.Int64, "currency": pl.String},
        orient="row",
    )  # fmt: skip
    if piped(rows, as_json, False):
        return
    for file, by, count, amount, currency in rows.rows():
        verb = "would be" if dry else "is recorded and"
        out.print(f"{file}: {counted(count, 'payment')}, {to_major(amount, currency)} {currency}, of {by}; it {verb} handed over")  # fmt: skip
    if rows.is_empty():
        out.print(
            f"Nothing {'would go' if dry else 'goes'} out for {done.day} that did not before."
        )
    for path in done.handed_over:
        out.print(f"handed over: {path}")
    if done.passed.height:
        keys = loans_by_id(ledger, done.passed["loan_id"]).select(
            "loan_id", "loan_key", currency_name()
        )
        left = done.passed.join(keys, on="loan_id", how="left", maintain_order="left").with_columns(
            major_of_any("amount")
        )
        show(left.select("originator", "loan_key", "mandate", "due_date", "amount", "currency", "why"), "Not asked for or paid")  # fmt: skip
