"""Who calls which loan today: within capacity and languages, the most urgent first, and as yesterday where that may be."""

from __future__ import annotations

import hashlib

import polars as pl

from loanbook.core.collections.scoring import mixed
from loanbook.core.policy.lending.collection_queues import CollectionQueue

_AGENTS = pl.Schema({
    "agent": pl.String(), "team": pl.String(), "capacity": pl.Int64(), "languages": pl.List(pl.String),
    "agent_hash": pl.UInt64(),
})  # fmt: skip


def agents_of(queue: CollectionQueue) -> pl.DataFrame:
    """A row an agent: `agent`, `team`, `capacity`, `languages`, `agent_hash`."""
    rows = [
        (each.name, team.name, each.capacity, each.languages,
         int.from_bytes(hashlib.md5(each.name.encode(), usedforsecurity=False).digest()[:8], "big"))
        for team in queue.teams for each in team.agents
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_AGENTS, orient="row")


def choices(loans: pl.DataFrame, agents: pl.DataFrame) -> pl.DataFrame:
    """`order`, `agent`, `capacity` of agents who may call each loan, the first choice first.

    `loans`: `order` (1: the most urgent), `key_hash`, `team`, `language`, `last_agent`. First comes who had the last contact,
    then the others in an order of the loan's own, drawn from the hashes of both: it changes for no loan but theirs when an
    agent comes or goes (highest random weight, Thaler and Ravishankar 1998).
    """
    pairs = loans.join(agents, on="team")
    speaks = (pl.col("languages").list.len() == 0) | pl.col("language").is_null()
    pairs = pairs.filter(speaks | pl.col("languages").list.contains(pl.col("language")))
    own = (pl.col("agent") == pl.col("last_agent")).fill_null(False)
    weight = mixed(pl.col("key_hash").xor(pl.col("agent_hash")))
    return (
        pairs.select("order", "agent", "capacity", own=own, weight=weight)
        .sort("order", "own", "weight", descending=[False, True, True])
        .drop("own", "weight")
    )


def assigned(pairs: pl.DataFrame) -> pl.DataFrame:
    """`order`, `agent`: each loan with the first of its choices who has room once all more urgent ones have theirs.

    Rounds instead of loan after loan: every loan asks its first choice, an agent keeps the most urgent ones, and no loan
    behind the last of a full list can get in any more. It ends where nobody is asked by more than the list holds.
    """
    while True:
        asked = pairs.unique("order", keep="first", maintain_order=True).with_columns(
            place=pl.col("order").rank("ordinal").over("agent")
        )
        if not (asked["place"] > asked["capacity"]).any():
            return asked.select("order", "agent")
        full = asked.filter(pl.col("place") == pl.col("capacity"))
        last = full.select("agent", last="order")
        pairs = pairs.join(last, on="agent", how="left", maintain_order="left").filter(
            pl.col("last").is_null() | (pl.col("order") <= pl.col("last"))
        ).drop("last")  # fmt: skip
