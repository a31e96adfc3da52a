"""`loanbook apply list | show | funnel | rejects | linked | withdraw | expire`: applications and their cases."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer
from rich.markup import escape

from loanbook.core.contract.money import major_of_any, percent, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    MOST,
    AsCsv,
    AsJson,
    To,
    out,
    piped,
    reading,
    show,
    written,
)

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.queries import Queries
    from loanbook.core.store.reader import LedgerReader

Partner = Annotated[
    str | None, typer.Option(help="Of this partner alone (source system of its mapping).")
]
Id = Annotated[
    str,
    typer.Argument(
        help="Id of the application: PARTNER/REFERENCE, as `loanbook apply list` has it."
    ),
]


def queue(
    reader: LedgerReader, partner: str | None = None, on: dt.date = dt.date.max
) -> pl.DataFrame:
    """Applications with their state and last decision, the oldest first."""
    from loanbook.core.origination.case import EVENTS
    from loanbook.core.store.origination.reading import QUEUE

    rows = reader.query(QUEUE, {"partner": partner, "on": on})
    states = {name: each.to for name, each in EVENTS.items()}
    state = pl.col("event").replace_strict(states, default=None, return_dtype=pl.String)
    return rows.with_columns(state=state).drop("event")


def list_applications(
    state: Annotated[
        str | None, typer.Option(help="In this state alone: in_review, need_more_information, …")
    ] = None,
    partner: Partner = None,
    to: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Applications with their state and last decision, the oldest first. With --json or --csv amounts are in minor units."""
    from loanbook.core.origination.case import STATES

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"{state!r} is none of {', '.join(STATES)}", param_hint="--state")
    rows = queue(reading(), partner)
    rows = rows if state is None else rows.filter(pl.col("state") == state)
    written(rows, to)
    if piped(rows, as_json, as_csv):
        return
    shown = rows.with_columns(major_of_any(name) for name in ("amount", "approved")).select(
        "application_id", "product", "submitted_on", "state", "amount", "currency", "term", "outcome", "grade", "points",
        "approved", "reasons", "missing",
    )  # fmt: skip
    show(shown.head(MOST))
    out.print(
        f"{counted(rows.height, 'application')}"
        + (", the first 200 shown; --csv has all" if rows.height > 200 else "")
    )


def funnel(partner: Partner = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """States of cases: how many were ever in each, how many are now, and how long those that wait have waited."""
    from loanbook.core.origination.case import ageing
    from loanbook.core.origination.case import funnel as funnel_of

    reader = reading()
    events = _events(reader, partner)
    if events.is_empty():
        out.print("No application was taken in yet.")
        return
    rows = funnel_of(events)
    if piped(rows, as_json, as_csv):
        return
    show(rows, "Cases by state")
    last = events["happened_at"].dt.date().max()
    assert isinstance(last, dt.date)
    waiting = ageing(events, last)
    if waiting.height:
        show(waiting, f"How long they have been there on {last}")


def _events(reader: LedgerReader, partner: str | None) -> pl.DataFrame:
    from loanbook.core.origination.case import CASE_EVENTS
    from loanbook.core.store.origination.reading import EVENTS

    rows = reader.query(EVENTS.replace("{lake}", "")).cast(CASE_EVENTS)
    return (
        rows
        if partner is None
        else rows.filter(pl.col("application_id").str.starts_with(f"{partner}/"))
    )


def show_application(application: Id, as_json: AsJson = False) -> None:
    """One case: what was asked, its events, each decision with reasons and every rule, and what is missing."""
    from loanbook.core.store.origination.reading import case_of

    told = case_of(reading(), application)
    if told is None:
        raise _no_application(application)
    if as_json:
        typer.echo(json.dumps(told, default=str, ensure_ascii=False, indent=1))
        return
    asked = told["application"]
    out.print(
        f"[bold]{escape(application)}[/bold]: {told['state']} since {told['since']}",
        highlight=False,
    )
    out.print(
        f"{to_major(asked['amount'], asked['currency'])} {asked['currency']} over {asked['term']} for {asked['product']}, "
        f"submitted on {asked['submitted_on']}", highlight=False,
    )  # fmt: skip
    if told["others"]:
        show(pl.DataFrame(told["others"]).with_columns(pl.col("token").str.head(12)), "Beside the applicant")  # fmt: skip
    show(pl.DataFrame(told["events"], infer_schema_length=None), "Events")
    if told["documents"]:
        papers = pl.DataFrame(told["documents"], infer_schema_length=None)
        show(papers.with_columns(pl.col("sha256").str.head(12)), "Documents handed in")
    for decision in told["decisions"]:
        _print_decision(decision)


def _no_application(named: str) -> LoanbookError:
    return LoanbookError(f"no application is named {named!r}; `loanbook apply list` has them")


def _print_decision(decision: dict[str, Any]) -> None:
    currency = decision["currency"]
    out.print(
        f"\n[bold]{decision['outcome']}[/bold] as of {decision['decided_at']:%Y-%m-%d} by {decision['policy']}@"
        f"{decision['policy_version']} ({decision['policy_hash'][:12]}), inputs {decision['input_hash'][:12]}", highlight=False,
    )  # fmt: skip
    if decision["amount"] is not None:
        out.print(
            f"{to_major(decision['amount'], currency)} {currency} over {decision['term']} at "
            f"{percent(decision['rate_ppb'])} %, grade {decision['grade']}, {decision['points']} points, about "
            f"{to_major(decision['instalment'], currency)} a month", highlight=False,
        )  # fmt: skip
    for words in decision["in_words"]:
        out.print(f"- {escape(words)}", highlight=False)
    for name, words in decision["lacks"]:
        out.print(f"missing: {name} ({escape(words)})", highlight=False)
    if decision["mistyped"]:
        wrong = decision["mistyped"].replace(",", ", ")
        out.print(f"of another type, or a word that is not listed: {wrong}", highlight=False)
    show(pl.DataFrame(decision["rules"]), "Rules")
    show(pl.DataFrame(decision["points_of"]), "Points")


def calls(
    each: Annotated[bool, typer.Option("--each", help="Every call, not a row a provider.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Providers that answered (identity, signature, ownership of accounts): how often, and how long they took."""
    from loanbook.core.store.origination.calls import CALLS, by_provider

    rows = reading().query(CALLS)
    told = rows if each else by_provider(rows)
    if not piped(told, as_json, as_csv):
        show(told.head(MOST)) if told.height else out.print("No provider was asked yet.")


def letters() -> None:
    """Make the notice of adverse action of each rejected application that has none: the decision's reasons in the applicant's words."""
    from loanbook.pipelines.origination.letters import make_letters
    from loanbook.pipelines.resources import open_instance

    ledger, policies = open_instance()
    with ledger:
        made = make_letters(ledger, policies)
    out.print(
        f"{counted(made, 'letter')} made; `loanbook documents list` has them."
        if made
        else "No application that was rejected lacks its letter, or no policy of adverse_action is in force."
    )


Ref = Annotated[str, typer.Argument(help="The document's reference, as `loanbook apply show` has it.")]  # fmt: skip


def open_document(
    document: Ref,
    to: Annotated[Path, typer.Option(help="Write the file there.")],
    reason: Annotated[str, typer.Option(help="Why it is looked into; stands in the trail.")],
    as_: Annotated[str, typer.Option("--as", help="In a demo alone: the person who acts.")] = "",
) -> None:
    """Open a document that an applicant handed in, once its bytes are proven to be those that came."""
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.commands.agreements.acting import who
    from loanbook.pipelines.origination.papers import opened
    from loanbook.pipelines.resources import settings

    people = open_people(settings())
    data, media = opened(
        reading().lake(), people, who(people.settings, as_, people), document, reason
    )
    to.write_bytes(data)
    out.print(f"{to}: {len(data)} bytes, {media}", highlight=False)


def verify_documents(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Prove every document of applicants: opened, its bytes have the hash that was kept. One fault ends with exit code 1."""
    from loanbook.pipelines.origination.papers import verdicts

    rows = verdicts(reading().lake())
    bad = rows.filter(pl.col("verdict") == "FAIL")
    if not piped(rows, as_json, as_csv):
        if bad.height:
            show(bad)
        gone = rows.filter(pl.col("verdict") == "FORGOTTEN").height
        out.print(
            f"{rows.height - bad.height - gone} OK, {bad.height} FAIL, {gone} of persons who are forgotten"
        )
    if bad.height:
        raise typer.Exit(1)


def rejects(
    partner: Partner = None, to: To = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Rows of partners' files, bureaus and banks that were refused, with file, line, rule, what was found and what to do.

    A partner's files are those whose name ends with its mapping.
    """
    from loanbook.core.store.origination.reading import REJECTS
    from loanbook.pipelines.formats.rules import RULES

    ending = (
        None if partner is None else rf"_[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}_{re.escape(partner)}[._]"
    )
    rows = reading().query(REJECTS, {"partner": ending})
    remedies = {name: rule.remedy for name, rule in RULES.items()}
    rows = rows.with_columns(
        what_to_do=pl.col("rule").replace_strict(remedies, default="", return_dtype=pl.String)
    )
    written(rows, to)
    if not piped(rows, as_json, as_csv):
        show(rows.head(MOST))
        out.print(f"Refused: {counted(rows.height, 'row')}.")


def linked(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Applications that hang together by devices, telephones, addresses or bank accounts: a row a group and thing that is
    shared, the largest group first. People of several applications are one person where a partner sends the same token."""
    from loanbook.core.origination.links import LINKED, components

    links = (
        reading()
        .query("SELECT application_id, kind, token, known_on FROM application_links")
        .cast(LINKED)
    )
    groups = (
        components(links).with_columns(size=pl.len().over("component")).filter(pl.col("size") > 1)
    )
    shared = (
        links.join(groups, on="application_id").filter(pl.col("kind") != "applicant")
        .group_by("component", "size", "kind", "token")
        .agg(applications=pl.col("application_id").n_unique(), first=pl.col("known_on").min(), last=pl.col("known_on").max(),
             ids=pl.col("application_id").unique().sort().head(5).str.join(" "))
        .filter(pl.col("applications") > 1)
        .sort(["size", "component", "applications", "kind"], descending=[True, False, True, False])
    )  # fmt: skip
    if piped(shared, as_json, as_csv):
        return
    show(shared.with_columns(pl.col("token").str.head(12)).head(100))
    out.print(
        f"{counted(groups['component'].n_unique(), 'group')} of {counted(groups.height, 'application')}."
    )


def withdraw(
    application: Id,
    reason: Annotated[str, typer.Option(help="Why, as a code: applicant_asked.")],
) -> None:
    """End a case because the applicant asks no longer. What was decided stays."""
    _append(application, "withdrawn", reason)


def expire(
    days: Annotated[int, typer.Option(min=1, help="Days without an event.")] = 60,
    reason: Annotated[str, typer.Option(help="Why, as a code.")] = "no_answer",
) -> None:
    """End all cases that wait for the applicant, and in which nothing happened for so many days before the last landed
    date."""
    from loanbook.core.origination.case import cases
    from loanbook.core.store.origination.reading import events_of
    from loanbook.pipelines.resources import open_instance

    ledger, policies = open_instance()
    with ledger:
        now = cases(events_of(ledger))
        _, last = ledger.landed_dates()
        idle = pl.lit(last) - pl.col("since").dt.date() >= pl.duration(days=days)
        old = now.filter(
            pl.col("state").is_in(["draft", "need_more_information", "approved"]) & idle
        )
        if last is not None and old.height:
            rows = _events_on(old["application_id"].to_list(), "expired", reason, last)
            _appended(ledger, policies, rows)
    out.print(f"{counted(old.height, 'case')} expired.")


def _append(application: str, event: str, reason: str) -> None:
    from loanbook.core.store.lake import utc_now
    from loanbook.pipelines.resources import open_instance

    ledger, policies = open_instance()
    with ledger:
        known = ledger.frame(
            "SELECT 1 FROM {lake}.applications WHERE application_id = ?", [application]
        )
        if known.is_empty():
            raise _no_application(application)
        _, last = ledger.landed_dates()
        rows = _events_on([application], event, reason, last or utc_now().date())
        _appended(ledger, policies, rows)
    out.print(f"{escape(application)}: {event}.")


def _events_on(ids: list[str], event: str, reason: str, on: dt.date) -> pl.DataFrame:
    """An event of some cases (schema `CASE_EVENTS`), of nobody yet."""
    from loanbook.core.origination.case import CASE_EVENTS

    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", reason):
        raise LoanbookError(f"{reason!r} is no reason code; write it like applicant_asked")
    moment = dt.datetime.combine(on, dt.time())
    rows = [(key, place, event, moment, "", reason, "") for place, key in enumerate(ids)]
    return pl.DataFrame(rows, schema=CASE_EVENTS, orient="row")


def _appended(ledger: Queries, policies: PolicyBook, events: pl.DataFrame) -> None:
    """Append events of cases, as who acts."""
    from loanbook.core.store.lake import utc_now
    from loanbook.core.store.origination.writing import append, head
    from loanbook.pipelines.resources import provenance

    by = events.with_columns(actor=pl.lit(provenance(policies).actor))
    append(ledger, by, head(ledger), at=utc_now())
