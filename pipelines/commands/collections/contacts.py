"""`loanbook collections log | check`: contacts with borrowers, written down and judged by any contact rules."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import (
    MOST,
    AsCsv,
    AsJson,
    first_alone,
    iso_date,
    out,
    piped,
    reading,
    show,
    who_acts,
)

if TYPE_CHECKING:
    from loanbook.core.policy.lending.contact_rules import ContactRules

KEPT = {"direction": "out", "right_party": "no", "place": "", "reference": ""}
"""Columns of a contact that need not be said, and what stands in them then."""


def log(
    loan: Annotated[str, typer.Argument(help="Key of the loan that it was about.")],
    facts: Annotated[
        list[str],
        typer.Argument(
            help="occurred_at=2024-03-10T07:30:00-05:00 channel=call outcome=no_answer zone=America/Chicago, and where they "
            "are otherwise direction=in right_party=yes place=work reference=own",
        ),
    ],
    agent: Annotated[str, who_acts("made it")] = "",
) -> None:
    """Write down one contact: a file `contacts_DATE_REFERENCE.csv` lands, after it was tried; the next `loanbook run` takes it in.

    Facts are columns of such a file (docs/file-kinds.md). Many contacts at once: land one yourself.
    """
    from loanbook.pipelines.commands.landing import acting_as

    row = facts_of(facts, ("occurred_at", "channel", "outcome", "zone"), KEPT, "a contact")
    row |= {"loan_key": loan, "agent": acting_as(agent, "--agent")}
    landed("contacts", [row], "occurred_at")


def facts_of(
    facts: list[str], needed: tuple[str, ...], kept: dict[str, str], what: str
) -> dict[str, str]:
    """Columns of a row as they were said, and those of `kept` that were not. LoanbookError names what is missing or none."""
    said = dict(fact.partition("=")[::2] for fact in facts)
    unknown = [name for name in said if name not in (*needed, *kept)]
    if unknown:
        raise LoanbookError(
            f"{unknown[0]!r} is no fact of {what}; use {', '.join((*needed, *kept))}"
        )
    missing = [name for name in needed if not said.get(name)]
    if missing:
        raise LoanbookError(f"say also {', '.join(f'{name}=…' for name in missing)}")
    return kept | said


def landed(kind: str, rows: list[dict[str, str]], field: str) -> None:
    """Let rows of one moment, which `field` says, land as a file, once intake would take it; a row without a reference has one of its
    content. LoanbookError: the moment is to come, or intake would refuse a row."""
    from loanbook.pipelines.collections.written import referenced
    from loanbook.pipelines.commands.landing import land

    told, made_on = pl.DataFrame(referenced(rows)), date_of(rows[0][field], field)
    waiting = land(kind, told, told["reference"][0], lambda day: max(day or made_on, made_on))
    out.print(f"{waiting} waits in the landing folder; the next `loanbook run` takes it in.")


def date_of(at: str, field: str) -> dt.date:
    """The date of a time as it is written. LoanbookError: it is none, or is to come."""
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError:
        raise LoanbookError(
            f"{field}={at}: it is no time; write it with its offset: 2024-03-10T07:30:00-05:00"
        ) from None
    instant = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if instant > (now := dt.datetime.now(dt.UTC)):
        raise LoanbookError(f"{field}={at} is to come, the clock stands at {now:%Y-%m-%dT%H:%M:%SZ}: mend {field}")  # fmt: skip
    return moment.date()


def check(
    rules: Annotated[
        Path,
        typer.Option(help="File of contact rules, in force or not.", exists=True, dir_okay=False),
    ],
    first: Annotated[str, typer.Option("--from", help="First date, on the borrower's calendar.")],
    last: Annotated[str, typer.Option("--to", help="Last date, on the borrower's calendar.")],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Judge the contact log of a period by contact rules, whether they are in force or not.

    A row for each rule that a contact of the lender's broke: the law, the contacts and preferences that count, and when the
    contact would have been allowed, by what was known then. Nothing is written.
    """
    policy = rules_of(rules)
    since, until = iso_date(first, "--from"), iso_date(last, "--to")
    assert since is not None
    assert until is not None
    if since > until:
        raise typer.BadParameter(f"{since} lies after {until}", param_hint="--from")
    count, found = breaches(policy, since, until)
    flat = found.with_columns(pl.col("evidence").list.join(" "))
    if as_json or as_csv:
        piped(found if as_json else flat, as_json, as_csv)
        return
    shown = flat.select(
        "reference", "loan_key", "channel", "local_at", "rule", "source", "evidence", pl.col("allowed_local").alias("allowed")
    )  # fmt: skip
    if shown.height:
        show(shown.head(MOST), f"Broken rules of {policy.name}, version {policy.version}")
    broke = found["reference"].n_unique()
    out.print(
        f"{broke:,} of {count:,} contacts of the lender's from {since} to {until} broke a rule, {shown.height:,} times{first_alone(shown.height)}."
    )


def rules_of(file: Path) -> ContactRules:
    """Contact rules of a file. PolicyError says which field is wrong."""
    from loanbook.core.policy.book import parse
    from loanbook.core.policy.lending.contact_rules import ContactRules

    policy = parse("contact_rules", str(file), file.read_text(encoding="utf-8"))
    assert isinstance(policy, ContactRules)
    return policy


def breaches(policy: ContactRules, since: dt.date, until: dt.date) -> tuple[int, pl.DataFrame]:
    """How many contacts the lender made from one date to another on the borrowers' calendars, and the rules they broke."""
    from loanbook.core.collections.contact import BREACHES, CONTACTS, LOOK_BACK, PREFERENCES, judge
    from loanbook.core.collections.local_time import by_zone, in_utc, on_the_clock
    from loanbook.core.store.known import contacts as stored

    if until.year > 9990 or since.year < 10:
        raise LoanbookError(f"{since} to {until} is no period that contacts are of")
    reader = reading()
    ends = {"first": dt.datetime.combine(since - LOOK_BACK, dt.time()),
            "last": dt.datetime.combine(until + dt.timedelta(days=2), dt.time())}  # fmt: skip
    contacts = in_utc(reader.query(stored.CONTACTS, ends), CONTACTS, "occurred_at")
    said = in_utc(
        reader.query(stored.PREFERENCES, {"last": ends["last"]}), PREFERENCES, "stated_at"
    )
    if contacts.is_empty():
        return 0, pl.DataFrame(schema=BREACHES)
    dates = on_the_clock(by_zone(contacts).with_columns(clock="occurred_at"), "clock")
    within = dates.filter(
        pl.col("clock").dt.date().is_between(since, until) & (pl.col("direction") == "out")
    ).select("reference").unique()  # fmt: skip
    found = judge(contacts, said, policy)
    return within.height, found.join(within, on="reference", how="semi", maintain_order="left")


__all__ = ["check", "log"]
