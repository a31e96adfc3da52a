"""`loanbook collections queue | assign | compare`: whom to call, by which agent and why, and what came of it."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    KnownAt,
    believed,
    first_alone,
    iso_date,
    opened,
    out,
    piped,
    show,
)

_SHOWN = (
    "agent", "place", "loan_key", "days_past_due", "amount_due", "balance", "currency", "score", "why", "strategy", "team",
    "promise", "last_contact_on", "reason",
)  # fmt: skip
MOST = 100


def queue(
    as_of: AsOf = None,
    known_at: KnownAt = None,
    agent: Annotated[str, typer.Option(help="The list of one agent.")] = "",
    team: Annotated[str, typer.Option(help="The loans of one team.")] = "",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Late loans in the order of the policy `collection_queues/standard`, in the lists of agents for the day after the date.

    An agent sees the own list, a supervisor the team's, who reads every loan all of it. Loans that rest on a promise or may not
    be called on the day wait, with the rules that say so and the first time that is allowed.
    """
    from loanbook.pipelines.collections.desk import seen_queue

    reader, policies = opened()
    at = reader.clocks(as_of, known_at)
    rows = seen_queue(reader, policies, at, agent, team)
    told = rows.drop("key_hash")
    if piped(told, as_json, as_csv):
        return
    listed = rows.filter(pl.col("state") == "assigned").sort("agent", "place")
    waits = rows.filter(pl.col("state") != "assigned")
    shown = pl.concat([listed, waits]).with_columns(major("amount_due"), major("balance"))
    show(shown.select(_SHOWN).head(MOST), f"Queue {believed(at)}")
    counts = ", ".join(
        f"{n:,} {state}" for state, n in rows.group_by("state").len().sort("state").rows()
    )
    out.print(f"{rows.height:,} loans: {counts or 'none'}{first_alone(rows.height, MOST)}.")


def assign(
    as_of: AsOf = None,
) -> None:
    """Assign the loans of the queue to the users who stand in it: roles whose rows go by the attribute `account` show each agent the
    own loans alone, on every page, in every command and in SQL. Run it after the day's close; the trail has every change."""
    from loanbook.core.store.people.acting import acting
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.collections.desk import assign as assigned
    from loanbook.pipelines.collections.queued import queue_by

    reader, policies = opened()
    at = reader.clocks(as_of, None)
    people = open_people(reader.settings)
    by = acting(reader.settings, people)
    found = assigned(people, by, queue_by(reader, policies, at), policies, at.on)
    told = ", ".join(f"{name} {n:,}" for name, n in found.items())
    out.print(f"Loans of the queue {believed(at)}: {told or 'no user stands in it'}.")


def compare(
    first: Annotated[str, typer.Option("--from", help="Business date whose queue is looked at.")],
    last: Annotated[
        str, typer.Option("--to", help="Business date up to which its loans are followed.")
    ],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Strategies of the queue against each other: what came of the loans that each had on one date by the end of another.

    Collected of what was due, right-party contacts of attempts, promises of these, kept of those that fell due: counts
    beside shares, and no rank, for a small group tells little.
    """
    from loanbook.pipelines.collections.compared import compared

    reader, policies = opened()
    begins, ends = iso_date(first, "--from"), iso_date(last, "--to")
    assert begins is not None
    assert ends is not None
    rows = compared(reader, policies, begins, ends)
    if piped(rows, as_json, as_csv):
        return
    shares = [name for name in rows.columns if name == "liquidation" or name.endswith("_share")]
    percent = [
        (pl.col(name) / 10_000).round(2).alias(f"{name.removesuffix('_share')} %")
        for name in shares
    ]
    show(
        rows.with_columns(major("amount_due"), major("collected"), *percent).drop(shares),
        f"Loans of the queue of {begins}, to {ends}",
    )
