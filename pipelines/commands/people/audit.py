"""`loanbook audit`: who did what, and the proof that the trail is whole."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    iso_date,
    out,
    piped,
    reading,
    show,
)

SHOWN = ("seq", "time", "activity_name", "actor_user_name", "entity_uid", "loan_key", "status_id",
         "status_detail")  # fmt: skip


SHOWN_AT_MOST = 50
"""Entries that are shown for people, the newest; another program gets all."""


def audit(
    context: typer.Context,
    actor: Annotated[str | None, typer.Option(help="What one user did.")] = None,
    loan: Annotated[
        str | None, typer.Option(help="What was done about a loan, by its key.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="From a date on, UTC.")] = None,
    activity: Annotated[
        str | None, typer.Option(help="One kind of activity, as order.approve.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who did what: the newest entries of the audit trail, or all that fit, with what was before and after, as JSON."""
    if context.invoked_subcommand is not None:
        return
    from loanbook.core.store.people.acting import must_be_allowed
    from loanbook.core.store.people.audit import Record, entries, log
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.resources import settings

    where = settings()
    who = must_be_allowed(where, "audit.read", told="audit")
    people = open_people(where)
    rows = entries(people, actor=actor, loan=loan, since=iso_date(since, "--since"), activity=activity,
                   last=None if as_json else SHOWN_AT_MOST)  # fmt: skip
    asked = {"actor": actor, "loan": loan, "since": since, "activity": activity}
    log(people, who, Record("audit.read", ("audit", ""), loan=loan, after=asked))
    told = rows.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    if piped(told, as_json, False):
        return
    if told.is_empty():
        out.print("Nothing in the trail fits.")
        return
    words = pl.col("status_id").replace_strict({1: "done", 2: "refused"}, return_dtype=pl.String)
    show(told.select(SHOWN).with_columns(words).rename(
        {"activity_name": "what", "actor_user_name": "who", "entity_uid": "about", "status_id": "result",
         "status_detail": "reason"}))  # fmt: skip


def verify() -> None:
    """Check that the trail is whole: no entry edited, missing or moved, none cut off that a version of the
    ledger names. Exit code 1 names the first that is not as it was written."""
    from loanbook.core.store.people.acting import must_be_allowed
    from loanbook.core.store.people.anchors import anchors
    from loanbook.core.store.people.audit import Record, log, verified
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.resources import settings

    where = settings()
    who = must_be_allowed(where, "audit.verify", told="audit verify")
    people = open_people(where)
    anchored = anchors(where)
    count, broken = verified(people, anchored)
    if broken is not None:
        raise LoanbookError(f"entry {broken.seq} of the audit trail is broken: {broken.why}")
    log(people, who, Record("audit.verify", ("audit", str(count))))
    out.print(
        f"{counted(count, 'entry', 'entries')}, whole; {counted(len(anchored), 'version')} of the ledger checked against it."
    )


def misuse(
    as_of: AsOf = None,
    rows: Annotated[
        bool, typer.Option("--evidence", help="The orders and decisions that findings are made of.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Waivers, overrides, refunds and reopenings beyond those of peers, orders of loans of one's own, and pairs of
    maker and checker that always agree, by the policy `misuse_rules`. A finding is no proof."""
    from loanbook.core.store.people.acting import must_be_allowed
    from loanbook.core.store.people.audit import Record, log
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.reporting.misuse import found_on
    from loanbook.pipelines.resources import policies_of

    reader = reading()
    who = must_be_allowed(reader.settings, "audit.read", told="audit misuse")
    found = found_on(reader, policies_of(reader), reader.clocks(as_of).on)
    log(open_people(reader.settings), who, Record("audit.read", ("misuse", str(found.on))))
    told = found.evidence if rows else found.findings
    if piped(told, as_json, as_csv):
        return
    if found.findings.is_empty():
        out.print(f"Nothing found as of {found.on}.")
        return
    show(told.select(name for name in told.columns if told[name].null_count() < told.height))
