"""`loanbook underwrite`: persons decide on applications that the policy refers to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major_of_any, percent, to_major, to_minor
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import MOST, AsCsv, AsJson, out, piped, reading, show
from loanbook.pipelines.commands.origination.apply import Id

if TYPE_CHECKING:
    from loanbook.core.access.actor import Actor
    from loanbook.core.decision.by_person import Wanted
    from loanbook.pipelines.approvals.desk import Desk
    from loanbook.pipelines.origination.underwriting import Decided, Office

As = Annotated[str, typer.Option("--as", help="In a demo alone: the person who acts.")]
Reason = Annotated[str, typer.Option(help="Why, a code of the underwriting policy.")]
Note = Annotated[
    str, typer.Option(help="What else is to be kept of it; nothing personal of the applicant.")
]
Order = Annotated[str, typer.Argument(help="The order's id.")]


@contextmanager
def _office(as_: str) -> Iterator[tuple[Office, Actor]]:
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.commands.agreements.acting import who
    from loanbook.pipelines.origination.underwriting import office_of
    from loanbook.pipelines.resources import settings

    people = open_people(settings())
    actor = who(people.settings, as_, people)
    with office_of(people) as office:
        yield office, actor


def queue(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Applications that wait for a person, with what the policy found: those in review first, the oldest first."""
    from loanbook.core.store.origination.persons import LEFT_TO_PERSONS

    rows = reading().query(LEFT_TO_PERSONS)
    if not piped(rows, as_json, as_csv):
        shown = rows.with_columns(major_of_any(name) for name in ("amount", "affordable"))
        show(shown.head(MOST)) if rows.height else out.print("No application waits for a person.")


def approve(
    application: Id,
    reason: Reason,
    terms: Annotated[
        list[str] | None,
        typer.Argument(
            help="Terms as NAME=VALUE: amount=9000.00 (default: as much as is asked for and may be lent), term=36 (default: as "
            "asked), grade=C (where points can't be told)."
        ),
    ] = None,
    note: Note = "",
    as_: As = "",
) -> None:
    """Approve what the policy refers, within its prices and limits and your authority; above its threshold another person
    must confirm it."""
    from loanbook.core.decision.by_person import APPROVE, Wanted
    from loanbook.core.store.origination.persons import referred
    from loanbook.pipelines.origination.underwriting import decide_case

    told = _terms(terms or [])
    with _office(as_) as (office, actor):
        wanted = Wanted(application, APPROVE, reason, grade=told.get("grade", ""), note=note)
        if "term" in told:
            wanted = replace(wanted, term=int(told["term"]))
        if "amount" in told:
            currency = referred(office.ledger, application).decision["currency"]
            try:
                wanted = replace(wanted, amount=to_minor(told["amount"], currency))
            except ValueError as bad:
                raise LoanbookError(f"{bad}; write it like amount=9000.00") from None
        _print(decide_case(office, actor, wanted))


def _terms(told: list[str]) -> dict[str, str]:
    found = dict(each.split("=", 1) for each in told if "=" in each)
    strange = [each for each in told if each.split("=")[0] not in ("amount", "term", "grade") or "=" not in each]  # fmt: skip
    if strange or not found.get("term", "1").isdecimal():
        raise typer.BadParameter(
            f"{(strange or [found.get('term', '')])[0]!r}: write amount=9000.00, term=36 or grade=C", param_hint="terms"
        )  # fmt: skip
    return found


def reject(
    application: Id,
    reason: Reason,
    because: Annotated[str, typer.Option(help="Reasons that the applicant is told: codes of the policy, set apart by commas.")],
    note: Note = "",
    as_: As = "",
) -> None:  # fmt: skip
    """Reject what the policy refers, with reasons of its own list, each of which must be so."""
    from loanbook.core.decision.by_person import REJECT, Wanted

    codes = _codes(because)
    _decide(Wanted(application, REJECT, reason, codes=codes, note=note), as_)


def ask(
    application: Id,
    reason: Reason,
    wanted: Annotated[str, typer.Option("--for", help="What is asked for: codes of the underwriting policy, set apart by commas.")],
    note: Note = "",
    as_: As = "",
) -> None:  # fmt: skip
    """Ask the applicant for more information: the case waits for it, and is decided anew by the policy when a fact comes."""
    from loanbook.core.decision.by_person import ASK, Wanted

    _decide(Wanted(application, ASK, reason, codes=_codes(wanted), note=note), as_)


def received(application: Id, reason: Annotated[str, typer.Option(help="What came, as a code: documents_came.")],
             as_: As = "") -> None:  # fmt: skip
    """What was asked for came, otherwise than in a file: the case is in review again."""
    from loanbook.pipelines.origination import underwriting

    with _office(as_) as (office, actor):
        underwriting.received(office, actor, application, reason)
    out.print(f"{application} is in review again.", highlight=False)


def confirm(id_: Order, reason: Annotated[str, typer.Option(help="Why.")] = "", as_: As = "") -> None:  # fmt: skip
    """Confirm another person's approval, as who has the authority for it: then it stands."""
    from loanbook.pipelines.approvals.approving import approved

    now = approved(_desk(), _actor(as_), id_, reason)
    out.print(f"{now.proposal.loan_key} is approved: decision {now.file}", highlight=False)


def refuse(id_: Order, reason: Annotated[str, typer.Option(help="Why.")], as_: As = "") -> None:
    """Refuse to confirm another person's approval: the case stays in review."""
    from loanbook.pipelines.approvals.approving import rejected

    now = rejected(_desk(), _actor(as_), id_, reason)
    out.print(f"Order {id_} is {now.state}: {now.proposal.loan_key} stays in review.", highlight=False)  # fmt: skip


def overrides(
    bad_days: Annotated[int, typer.Option(help="A loan was bad that was ever so many days past due: 30, 60 or 90.")] = 90,
    as_json: AsJson = False, as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """How often persons decide, how often otherwise than the policy leant, why, and what loans of theirs did."""
    from loanbook.core.decision.overrides import by_reason, by_rule, rates
    from loanbook.core.store.origination.persons import by_persons
    from loanbook.core.store.origination.reading import decisions_of, loans_of_applications

    if bad_days not in (30, 60, 90):
        raise typer.BadParameter("write 30, 60 or 90", param_hint="--bad-days")
    reader = reading()
    persons = by_persons(reader.lake(), "outcome <> ''")
    loans = loans_of_applications(reader, bad_days)
    by = by_reason(persons, loans)
    if piped(by, as_json, as_csv):
        return
    last = decisions_of(reader.lake(), "role = 'champion'").unique("application_id", keep="last")
    show(_shares(rates(last, persons)), "Persons' decisions")
    if persons.height:
        show(_shares(by.drop("lent", "lost")), "By outcome and reason")
    past = by_rule(persons, loans)
    if past.height:
        show(_shares(past.drop("lent", "lost")), "Approvals by what they went past")


def _shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Shares as per cent, for people."""
    share = pl.format("{} %", (pl.col("share_bp") / 100).round(2)).alias("share")
    return rows.with_columns(share).drop("share_bp")


def _codes(told: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in told.split(",") if code.strip())


def _decide(wanted: Wanted, as_: str) -> None:
    from loanbook.pipelines.origination.underwriting import decide_case

    with _office(as_) as (office, actor):
        _print(decide_case(office, actor, wanted))


def _print(done: Decided) -> None:
    told = done.told
    if told["amount"] is not None:
        past = f", past {told['past'].replace(',', ', ')}" if told["past"] else ""
        out.print(
            f"{told['application_id']}: {to_major(told['amount'], told['currency'])} {told['currency']} over {told['term']} at "
            f"{percent(told['rate_ppb'])} %, grade {told['grade']}{past}", highlight=False,
        )  # fmt: skip
    if done.outcome == "waits":
        out.print(
            f"It waits for a second person: `loanbook underwrite confirm {done.order}`", highlight=False
        )  # fmt: skip
        return
    out.print(f"{done.outcome.replace('_', ' ')}: decision {done.decision_id}", highlight=False)


def _desk() -> Desk:
    from loanbook.pipelines.commands.agreements.acting import desk

    return desk()


def _actor(as_: str) -> Actor:
    from loanbook.pipelines.commands.agreements.acting import who
    from loanbook.pipelines.resources import settings

    return who(settings(), as_)
