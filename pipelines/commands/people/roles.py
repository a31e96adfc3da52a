"""`loanbook roles`: what each role may do; `loanbook policies`: policies that wait to be put in force."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.words import counted
from loanbook.pipelines.commands.console import AsCsv, AsJson, out, piped, show


def roles(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """What each role may do: one row an action, one column a role."""
    from loanbook.core.access.matrix import matrix
    from loanbook.core.store.people.in_force import access_of
    from loanbook.pipelines.resources import settings

    rows = pl.DataFrame(matrix(access_of(settings()).roles.values()))
    if not piped(rows, as_json, as_csv):
        show(rows.drop("what"))


def policies(
    accept: Annotated[bool, typer.Option("--accept", help="Put them in force.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the trail.")] = "",
) -> None:
    """Policies whose files differ from those that were last put in force; in production no day closes until
    somebody who may accepts them."""
    from loanbook.core.access.actor import AccessError
    from loanbook.core.store.people.acting import acting
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.policies_in_force import accepted, differences
    from loanbook.pipelines.resources import read_policies, settings

    where = settings()
    people, book = open_people(where), read_policies()
    found = differences(people, book)
    if not found:
        out.print("Every policy is as it was put in force.")
        return
    show(pl.DataFrame(found, schema={"policy": pl.String, "change": pl.String}))
    if not accept:
        return
    if not reason:
        raise AccessError("say why they change: --reason TEXT")
    accepted(people, acting(where, people), book, reason)
    out.print(f"In force now: {counted(len(found), 'change')}.")
