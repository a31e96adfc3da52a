"""`loanbook collections queue`: whom to call, by which agent, in what order, and why."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major
from loanbook.pipelines.commands.console import AsCsv, AsJson, believed, opened, out, piped, show

_SHOWN = (
    "agent", "place", "loan_key", "days_past_due", "amount_due", "balance", "currency", "score", "why", "strategy", "team",
    "promise", "last_contact_on", "reason",
)  # fmt: skip
MOST = 100


def queue(
    as_of: Annotated[str | None, typer.Option(help="Business date; default the last.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Version or instant; default now.")] = None,
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
    more = f"; the first {MOST} shown, --csv has all" if rows.height > MOST else ""
    out.print(f"{rows.height:,} loans: {counts or 'none'}{more}.")
