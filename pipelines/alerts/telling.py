"""Findings that nobody was told of yet: the trail names each, the program of `[alerts]` is told of all together."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.store.instance import read_instance
from loanbook.core.store.people.acting import acting
from loanbook.core.store.people.audit import Record, append, entries
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.settings import Settings
from loanbook.core.words import counted
from loanbook.pipelines.servicing.messages import send


@dataclass(frozen=True)
class Findings:
    """What was found on a date, to be told of once."""

    on: dt.date
    rows: pl.DataFrame
    """With `why`, and the columns of `key`."""
    activity: str
    """In the trail."""
    entity: str
    """What the trail says that they are."""
    key: tuple[str, ...]
    """Columns that name a finding; of two that have them alike the later is not news."""
    event: str
    """Of the message."""
    command: str
    """That shows them."""


def tell(where: Settings, found: Findings, days: int) -> Findings:
    """Tell of what was not told of in so many days, as who acts now; that."""
    with closing(open_people(where)) as people:
        new = unreported(people, found, days)
        report(where, people, acting(where, people), new)
    return new


def unreported(people: People, found: Findings, days: int) -> Findings:
    """Those that the trail does not name in so many days to the date."""
    known = entries(people, since=found.on - dt.timedelta(days=days), activity=found.activity)["entity_uid"]  # fmt: skip
    return replace(found, rows=found.rows.filter(~_key(found).is_in(known.implode())))


def report(where: Settings, people: People, actor: Actor, found: Findings) -> bool:
    """Tell the program of `[alerts]`, then let the trail name the findings; whether there is a program. What it did not
    take is reported again."""
    if found.rows.is_empty():
        return False
    message = {
        "event": found.event, "instance": str(where.home), "lender": read_instance(where.home).entity,
        "date": found.on.isoformat(), "message": f"{counted(found.rows.height, 'finding')}, see `{found.command}`",
        "findings": found.rows.to_dicts(),
    }  # fmt: skip
    sent = send(where, message)
    keys = found.rows.select(_key(found)).to_series()
    with people.writing() as session:
        for why, key in zip(found.rows["why"], keys, strict=True):
            append(people, session, actor, Record(found.activity, (found.entity, key), detail=why))
    return sent


def _key(found: Findings) -> pl.Expr:
    return pl.concat_str([pl.col(name).fill_null("") for name in found.key], separator=":")
