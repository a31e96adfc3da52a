"""`loanbook payments link | links | pay-link`: a link by which a borrower pays, and what became of it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import polars as pl
import typer

from loanbook.core.contract.money import CURRENCY_NAMES, major_of_any, to_minor
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    found_loan,
    iso_date,
    out,
    piped,
    reading,
    show,
)


def link(
    loan: Annotated[str, typer.Argument(help="The loan's key.")],
    amount: Annotated[
        str, typer.Option(help="How much is asked for, in the loan's currency: 104.00.")
    ],
    until: Annotated[
        str | None, typer.Option(help="Its last day; default: 7 days from now.")
    ] = None,
) -> None:
    """Make a link by which the borrower pays an amount once; the same again gives the same link.

    It asks for no more than settles the loan, and expires after its last day. Its money comes in the provider's settlement file with
    the loan's key, and is matched and cleared like every collector's. The provider of this instance is a stand-in on this machine;
    another is a class of your own (pipelines/payments/links.py).
    """
    from loanbook.core.payments.out.links import Wanted, fault
    from loanbook.core.servicing.replay.payoff_quote import quote
    from loanbook.core.store.history import StoredHistory
    from loanbook.pipelines.payments.links import LocalLinks

    of = found_loan(loan, None, None)
    last = iso_date(until, "--until") or of.at.on + dt.timedelta(days=7)
    day = of.at.on + dt.timedelta(days=1)
    book = StoredHistory(of.reader.lake(), of.policies, day, of.at.known).book(
        pl.Series([of.number]), of.at.on
    )
    currency = CURRENCY_NAMES[int(book.terms["currency"][0])] if book.terms.height else ""
    rows = quote(book, of.policies, day)
    if rows.is_empty():
        raise LoanbookError(f"loan {of.key} owes nothing on {of.at.on}; see `loanbook loan show`")
    wanted = Wanted(of.key, to_minor(amount, currency), currency, last)
    if why := fault(wanted, int(rows["payoff"][0]), of.at.on):
        raise LoanbookError(why)
    made = LocalLinks(of.reader.settings).make(wanted, of.at.on)
    out.print(
        f"{made.reference}: {made.url}, {amount} {currency} of loan {of.key}, {made.state(of.at.on)}, until {last}"
    )


def links(as_of: AsOf = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Payment links with their state on a date: open, paid or expired."""
    from loanbook.pipelines.payments.links import LocalLinks

    reader = reading()
    on = iso_date(as_of, "--as-of") or reader.published_range()[1] or dt.date.max
    told = [
        (each.reference, each.wanted.loan_key, each.wanted.amount, each.wanted.currency, each.made_on,
         each.wanted.last_day, each.paid_on, each.state(on), each.url)
        for each in LocalLinks(reader.settings).links()
    ]  # fmt: skip
    schema = {"reference": pl.String, "loan_key": pl.String, "amount": pl.Int64, "currency": pl.String, "made_on": pl.Date,
              "last_day": pl.Date, "paid_on": pl.Date, "state": pl.String, "url": pl.String}  # fmt: skip
    rows = pl.DataFrame(told, schema=schema, orient="row")
    if piped(rows, as_json, as_csv):
        return
    show(rows.with_columns(major_of_any("amount")), f"Payment links on {on}")
    out.print(f"{counted(rows.height, 'link')}.")


def pay_link(
    reference: Annotated[str, typer.Argument(help="The link's reference.")],
    on: Annotated[
        str | None, typer.Option(help="Day of payment; default: the one after the last published.")
    ] = None,
) -> None:
    """Pay a link as its payer would (demo instances): the stand-in settles it by a file in the landing folder."""
    from loanbook.pipelines.payments.links import LocalLinks

    reader = reading()
    _, last = reader.published_range()
    day = iso_date(on, "--on") or (last + dt.timedelta(days=1) if last else None)
    if day is None:
        raise LoanbookError("nothing is published yet; name the day by --on")
    path = LocalLinks(reader.settings).pay(reference, day)
    out.print(f"paid; {path} waits in the landing folder; the next `loanbook run` takes it in.")
