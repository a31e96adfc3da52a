"""`loanbook screening`: persons beside lists of sanctions, and what people say of hits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.pipelines.commands.console import AsCsv, AsJson, out, piped, reading, show
from loanbook.pipelines.commands.origination.underwrite import As, Note

if TYPE_CHECKING:
    from loanbook.core.access.actor import Actor
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.people.database import People
    from loanbook.core.store.writer import Ledger

Hit = Annotated[str, typer.Argument(help="Id of the hit, as `loanbook screening hits` has it.")]
Reason = Annotated[str, typer.Option(help="Why, a code of policies/screening.")]


@contextmanager
def _open(as_: str = "") -> Iterator[tuple[Ledger, PolicyBook, People, Actor]]:
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.commands.agreements.acting import who
    from loanbook.pipelines.resources import open_instance, settings

    where = settings()
    ledger, policies = open_instance(where)
    with ledger:
        yield ledger, policies, open_people(where), who(where, as_)


def run() -> None:
    """Match persons of the vault with the lists that landed: who and what is new or changed since."""
    from loanbook.pipelines.origination.screening import screen

    with _open() as (ledger, policies, people, actor):
        done = screen(ledger, policies, people, actor)
    out.print(f"{done.persons:,} persons screened ({done.pairs:,} pairs), {done.hits:,} new hits")


def hits(
    every: Annotated[bool, typer.Option("--all", help="Also those that were cleared or confirmed.")] = False,
    as_json: AsJson = False, as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Hits that wait for a person, the most alike first: who (a token), which entry, how alike, whether births fit."""
    from loanbook.core.store.origination.screening import hits_now
    from loanbook.pipelines.commands.console import opened
    from loanbook.pipelines.origination.screening import rules_in_force

    reader, policies = opened()
    (last,) = reader.query("SELECT max(business_date) FROM files WHERE state = 'taken'").row(0)
    if last is None:
        out.print("No list landed yet.")
        return
    rules = rules_in_force(policies, last)
    rows = hits_now(reader.lake(), rules.persons_to_clear)
    told = rows if every else rows.filter(pl.col("state") == "open")
    told = told.select("hit_id", "state", "subject", "applicant", "list", "entry_ref", "listed_name", "score", "threshold", "birth",
                       "scorer", "edition", "on_date")  # fmt: skip
    if not piped(told, as_json, as_csv):
        show(told.drop("scorer", "edition", "applicant")) if told.height else out.print(
            "No hit waits."
        )


def lists(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Lists that landed, with their editions and how many entries each has."""
    rows = reading().query(
        "SELECT list, edition, known_on, count(*) AS entries FROM sanction_members GROUP BY ALL ORDER BY list, known_on DESC"
    )
    if not piped(rows, as_json, as_csv):
        show(rows) if rows.height else out.print("No list landed yet.")


def clear(hit: Hit, reason: Reason, note: Note = "", as_: As = "") -> None:
    """Say that a hit is another person; it is cleared once as many different persons said so as the policy asks for."""
    _say(hit, "cleared", reason, note, as_)


def confirm(hit: Hit, reason: Reason, note: Note = "", as_: As = "") -> None:
    """Say that a hit is the person of the list: it counts at once."""
    _say(hit, "confirmed", reason, note, as_)


def _say(hit: str, verdict: str, reason: str, note: str, as_: str) -> None:
    from loanbook.pipelines.origination.screening import Said, decide_hit

    with _open(as_) as (ledger, policies, people, actor):
        state = decide_hit(ledger, policies, people, actor, Said(hit, verdict, reason, note))
    more = "; another person must say so too" if verdict == "cleared" and state != "cleared" else ""
    out.print(f"{hit} is {state}{more}.")
