"""The day's queue of the whole book in one pass: score, team, who may be called, and whose list it stands in."""

from __future__ import annotations

import polars as pl

from loanbook.core.collections.assigning import agents_of, assigned, choices
from loanbook.core.collections.scoring import scored, team_of
from loanbook.core.policy.lending.collection_queues import CollectionQueue

LATE = pl.Schema({
    "loan_id": pl.Int64(), "loan_key": pl.String(), "key_hash": pl.UInt64(), "currency": pl.String(), "product": pl.String(),
    "region": pl.String(), "language": pl.String(), "days_past_due": pl.Int64(), "amount_due": pl.Int64(),
    "balance": pl.Int64(), "last_contact_on": pl.Date(), "days_since_contact": pl.Int64(), "last_agent": pl.String(),
    "zone": pl.String(), "promise": pl.String(), "promise_due": pl.Date(), "promise_last_day": pl.Date(),
    "roll_percent": pl.Int64(),
})  # fmt: skip
"""A late loan: money in minor units; `zone` of the last contact, `promise` the state of the last one, `promise_due` its next
due date while it is open; null where there is none."""
QUEUE = pl.Schema({
    **LATE, "strategy": pl.String(), "score": pl.Int64(), "why": pl.String(), "team": pl.String(), "state": pl.String(),
    "reason": pl.String(), "allowed_at": pl.Datetime("us", "UTC"), "agent": pl.String(), "place": pl.Int64(),
})  # fmt: skip
STATES = {
    "assigned": "stands in an agent's list",
    "left": "no agent who may call has room",
    "waits": "rests on an open promise, or contact is not allowed on the day",
    "no team": "fits no team",
}
"""How a loan stands in the queue."""


def with_teams(late: pl.DataFrame, queue: CollectionQueue) -> pl.DataFrame:
    """Late loans (schema `LATE`) that enter the queue, scored, with their `team`."""
    enters = pl.col("days_past_due") >= queue.from_days_past_due
    return scored(late.filter(enters), queue).with_columns(team=team_of(queue))


def listed(loans: pl.DataFrame, allowed: pl.DataFrame, queue: CollectionQueue) -> pl.DataFrame:
    """The queue (schema `QUEUE`): lists of the agents, then what waits or is left, each by score, amount and key.

    `loans`: as `with_teams` has them. `allowed`: `loan_id`, `allowed_at`, `rules` (those that bar it on the day, empty: none).
    `place` counts within an agent's list. What waits stands with who had the last contact, if that is an agent of the team.
    """
    promised = pl.lit(False)
    if queue.open_promise_rests:
        promised = (pl.col("promise") == "open").fill_null(False)
    barred = pl.col("rules").list.len().fill_null(0) > 0
    told = loans.join(allowed, on="loan_id", how="left", maintain_order="left").with_columns(
        reason=pl.when(barred)
        .then(pl.col("rules").list.join(", "))
        .when(promised)
        .then(pl.concat_str(pl.lit("promise to "), pl.col("promise_last_day").cast(pl.String)))
    )
    told = told.sort(
        "score", "amount_due", "loan_key", descending=[True, True, False]
    ).with_columns(order=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    ready = told.filter(pl.col("reason").is_null() & pl.col("team").is_not_null())
    agents = agents_of(queue)
    taken = assigned(choices(ready, agents))
    told = told.join(taken, on="order", how="left", maintain_order="left")
    theirs = agents.select("team", last_agent="agent", keeper="agent")
    told = told.join(theirs, on=["team", "last_agent"], how="left", maintain_order="left")
    waits = pl.col("reason").is_not_null() & pl.col("team").is_not_null()
    state = (
        pl.when(pl.col("team").is_null()).then(pl.lit("no team"))
        .when(waits).then(pl.lit("waits"))
        .when(pl.col("agent").is_null()).then(pl.lit("left"))
        .otherwise(pl.lit("assigned"))
    )  # fmt: skip
    told = told.with_columns(
        state=state,
        agent=pl.when(waits).then("keeper").otherwise("agent"),
        place=pl.when(pl.col("agent").is_not_null()).then(
            pl.col("order").rank("ordinal").over("agent").cast(pl.Int64)
        ),
    )
    rank = pl.col("state").replace_strict({name: n for n, name in enumerate(STATES)})
    return told.sort(rank, "order").select(QUEUE.names()).cast(QUEUE)
