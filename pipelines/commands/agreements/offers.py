"""`loanbook offers`: offers made, accepted, signed, withdrawn, handed off as loans."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major_of_any, to_major
from loanbook.core.words import counted
from loanbook.pipelines.commands.agreements.acting import (
    lake,
    lake_and_policies,
    opened_for_writing,
    who,
)
from loanbook.pipelines.commands.console import AsCsv, AsJson, iso_date, out, piped, show

Id = Annotated[str, typer.Argument(help="The offer's id, or its loan's key.")]
On = Annotated[str | None, typer.Option(help="The date; default: today by the clock.")]
As = Annotated[str, typer.Option("--as", help="Act as this person; demo instances alone.")]


def today(text: str | None) -> dt.date:
    """The date of an option, or today."""
    return iso_date(text, "--on") or dt.datetime.now(dt.UTC).date()


def list_offers(on: On = None, state: Annotated[str | None, typer.Option(help="Of this state alone.")] = None,
                as_json: AsJson = False, as_csv: AsCsv = False) -> None:  # fmt: skip
    """Offers with their state on a date: offered, accepted, signed, boarded, declined, withdrawn or expired."""
    from loanbook.core.store.agreements.offers import offers_on

    with lake() as ledger:
        rows = offers_on(ledger, today(on))
    told = rows.filter(pl.col("state") == state) if state else rows
    told = told.select("offer_id", "loan_key", "application_id", "product", "amount", "currency", "disclosure", "made_on",
                       "expires_on", "state", "since")  # fmt: skip
    if not piped(told, as_json, as_csv):
        shown = told.with_columns(major_of_any("amount"))
        show(shown, f"Offers on {today(on)}") if told.height else out.print("No offer.")


def make(
    told: Annotated[Path, typer.Argument(help="Offers to make, a JSON object a line: product, terms, parties (role, name or person), decision_id, "
                                         "application_id, loan_key.")],
    on: On = None,
    as_: As = "",
) -> None:  # fmt: skip
    """Make offers: letter, disclosure and agreement as PDFs, by the engine's own figures. The same again is the same offer.

    Names are kept in the vault of persons; papers show their first letters. What boarding would refuse is refused for the same reason.
    """
    from loanbook.pipelines.agreements.offering import make_offers, read_wanted

    wanted = read_wanted(told)
    ledger, policies = opened_for_writing()
    with ledger:
        made = make_offers(ledger, policies, wanted, today(on), who(ledger.settings, as_))
    out.print(
        f"{counted(len(made), 'offer')} made, {len(wanted) - len(made)} known before; "
        "`loanbook documents list` shows their documents"
    )
    for id_ in made[:20]:
        out.print(id_, highlight=False)


def accept_offer(id_: Id, on: On = None, as_: As = "") -> None:
    """The borrower accepts an offer that stands."""
    from loanbook.pipelines.agreements.offering import accept

    ledger, _ = opened_for_writing()
    with ledger:
        accept(ledger, id_, today(on), who(ledger.settings, as_).name)
    out.print(f"{id_} is accepted.")


def decline_offer(
    id_: Id, reason: Annotated[str, typer.Option(help="Why.")] = "", on: On = None, as_: As = ""
) -> None:
    """An offer that is not signed is declined."""
    from loanbook.pipelines.agreements.offering import decline

    ledger, _ = opened_for_writing()
    with ledger:
        decline(ledger, id_, today(on), who(ledger.settings, as_).name, reason)
    out.print(f"{id_} is declined.")


def sign_offer(
    id_: Id,
    signer: Annotated[str, typer.Option(help="Role of who signs, or the beginning of its token.")],
    address: Annotated[str, typer.Option(help="Network address of who signs.")] = "",
    on: Annotated[str | None, typer.Option(help="Of demo instances alone: as if it were noon of this date.")] = None,
    as_: As = "",
) -> None:  # fmt: skip
    """Have the agreement of an accepted offer signed, by the stand-in of this machine: certificate, signer and time are kept."""
    from loanbook.core.access.actor import AccessError
    from loanbook.core.store.agreements.offers import offer
    from loanbook.core.store.people.acting import is_demo
    from loanbook.pipelines.agreements.offering import sign

    ledger, _ = opened_for_writing()
    with ledger:
        at = dt.datetime.now(dt.UTC)
        if on is not None:
            if not is_demo(ledger.settings):
                raise AccessError(
                    "--on is for demo instances: a signature bears the time of the clock"
                )
            at = dt.datetime.combine(today(on), dt.time(12), dt.UTC)
        signed = sign(ledger, id_, (signer, address), at, who(ledger.settings, as_))
        state = offer(ledger, id_, at.date())["state"]
    waits = "" if state != "accepted" else "; others who are bound have not signed yet"
    out.print(f"{id_}: {signer} has signed{waits}: {signed}")


def withdraw_offer(id_: Id, on: On = None, as_: As = "") -> None:
    """The borrower withdraws within the cooling-off days; orders to unwind the loan wait for another person."""
    from loanbook.pipelines.agreements.withdrawing import withdraw
    from loanbook.pipelines.commands.agreements.acting import desk

    ledger, _ = opened_for_writing()
    with ledger:
        orders = withdraw(desk(), ledger, id_, today(on), who(ledger.settings, as_))
    told = f"; to approve: {', '.join(orders)}" if orders else "; nothing was paid out"
    out.print(f"{id_} is withdrawn{told}")


def board(on: On = None) -> None:
    """Hand signed agreements off: they land as tapes, and the next intake boards them field by field as they were signed."""
    from loanbook.core.store.lake import utc_now
    from loanbook.pipelines.agreements.cases import follow
    from loanbook.pipelines.agreements.handing_off import hand_off

    ledger, _ = opened_for_writing()
    with ledger:
        landed = hand_off(ledger, today(on))
        moved = follow(ledger, utc_now())
    for path in landed:
        out.print(f"landed: {path}")
    if moved:
        out.print(f"{counted(moved, 'case')} moved on by agreements")
    if not landed:
        out.print("No signed agreement waits.")


def check(on: On = None, as_json: AsJson = False) -> None:
    """Signed agreements beside the loans that were boarded: in count, in amount, and every field of every paper."""
    from loanbook.pipelines.agreements.handing_off import reconciled

    ledger, policies = lake_and_policies()
    with ledger:
        found = reconciled(ledger, policies, ledger.settings, today(on))
    if as_json:
        out.print_json(data={"ties": found.ties, "from_tapes": found.from_tapes, "signed": found.signed.to_dicts(),
                             "boarded": found.boarded.to_dicts(), "breaks": found.breaks.to_dicts()})  # fmt: skip
    else:
        for currency, count, amount in found.signed.rows():
            out.print(
                f"signed: {counted(count, 'agreement')}, {to_major(amount, currency)} {currency}"
            )
        for currency, count, amount in found.boarded.rows():
            out.print(f"boarded: {counted(count, 'loan')}, {to_major(amount, currency)} {currency}")
        out.print(f"from tapes, without an agreement here: {counted(found.from_tapes, 'loan')}")
        show(found.breaks, "What does not tie") if found.breaks.height else out.print(
            "Every field ties."
        )
    if not found.ties:
        raise typer.Exit(1)
