"""Whose loans of the queue somebody sees: agents their own, supervisors their teams', who reads every loan all of them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.access.actor import Actor, plain_name
from loanbook.core.access.deciding import Reading
from loanbook.core.policy.lending.collection_queues import CollectionQueue


@dataclass(frozen=True)
class Sight:
    """What of the queue somebody sees."""

    agents: frozenset[str] | None
    """Agents whose loans are seen; None: all loans, also those that stand with nobody."""
    teams: frozenset[str] = frozenset()
    """Teams all of whose loans are seen."""

    @property
    def of(self) -> pl.Expr:
        """Whether a row of the queue is seen."""
        if self.agents is None:
            return pl.lit(True)
        own = pl.col("agent").is_in(sorted(self.agents)) | pl.col("team").is_in(sorted(self.teams))
        return own.fill_null(False)


def sight(actor: Actor, reading: Reading, queue: CollectionQueue) -> Sight | None:
    """What of the queue an actor sees; None: nothing, for no team names them and their roles show some loans alone.

    Who is an agent or a supervisor sees that and no more, whatever else their roles show; a demo sees all.
    """
    name = plain_name(actor.name)
    if actor.kind == "demo":
        return Sight(None)
    teams = frozenset(t.name for t in queue.teams if name in map(plain_name, t.supervisors))
    agents = frozenset(a.name for t in queue.teams for a in t.agents if plain_name(a.name) == name)
    if teams or agents:
        return Sight(agents, teams)
    return Sight(None) if reading.sees_every_row else None
