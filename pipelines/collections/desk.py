"""What who acts sees of the queue; what is refused is told to the trail."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.access.deciding import WHOLE, Reading
from loanbook.core.collections.seeing import Sight, sight
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.collection_queues import CollectionQueue
from loanbook.core.store.people.database import People
from loanbook.core.store.people.users import known_names, set_attribute
from loanbook.pipelines.collections.queued import queue_by, queue_rules

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader


def sight_of(actor: Actor, reading: Reading, policies: PolicyBook, at: Clocks) -> Sight:
    """What of the queue an actor sees. AccessError where that is nothing."""
    found = sight(actor, reading, queue_rules(policies, at.on))
    if found is None:
        raise AccessError(
            f"{actor.name} stands in no team of collection_queues/standard, and no role shows every loan: name "
            "the user there as an agent or a supervisor"
        )
    return found


def seen(
    queue: pl.DataFrame, shown: Sight, visible: pl.Series | None, agent: str = "", team: str = ""
) -> pl.DataFrame:
    """Rows of the queue that somebody sees, of loans that their roles show (`visible`: ids; None: all).

    AccessError where an agent or a team is asked for of which they see nothing by right, though it has loans.
    """
    mine = queue.filter(shown.of)
    if visible is not None:
        mine = mine.filter(pl.col("loan_id").is_in(visible.implode()))
    for name, of in (("agent", agent), ("team", team)):
        if not of:
            continue
        same = pl.col(name).str.to_lowercase() == plain_name(of)
        asked, found = queue.filter(same), mine.filter(same)
        if found.is_empty() and asked.height:
            raise AccessError(f"the loans of {name} {of} are not yours to see")
        mine = found
    return mine


def sees(
    actor: Actor, reading: Reading, reader: LedgerReader, policies: PolicyBook, at: Clocks
) -> tuple[Sight, pl.Series | None]:
    """What of the queue an actor sees, and the loans that their roles show (None: all), as `seen` has them; `reader`: what they
    read. AccessError where it is nothing by right."""
    visible = None
    if not reading.sees_every_row:
        visible = reader.query("SELECT loan_id FROM loan_keys")["loan_id"]
    return sight_of(actor, reading, policies, at), visible


def seen_queue(
    reader: LedgerReader, policies: PolicyBook, at: Clocks, agent: str = "", team: str = ""
) -> pl.DataFrame:
    """The queue as who acts now sees it. AccessError, logged, where it is nothing, or not theirs."""
    from loanbook.core.store.guarded.scope import Shown
    from loanbook.core.store.people.acting import acting, log_denied, reading_of
    from loanbook.core.store.reader import LedgerReader

    _must_be_known(queue_rules(policies, at.on), agent, team)
    where = reader.settings
    reading = reading_of(where)
    try:
        mine = sees(acting(where), reading, reader, policies, at)
        every = reader if reading.sees_every_row else LedgerReader(where, Shown(WHOLE))
        return seen(queue_by(every, policies, at), *mine, agent, team)
    except AccessError as error:
        log_denied(where, str(error))
        raise


def _must_be_known(rules: CollectionQueue, agent: str, team: str) -> None:
    """LoanbookError where a list is asked for of an agent or team that the policy does not name."""
    agents = [each.name for one in rules.teams for each in one.agents]
    for what, asked, known in (
        ("agent", agent, agents),
        ("team", team, [one.name for one in rules.teams]),
    ):
        if asked and plain_name(asked) not in map(plain_name, known):
            raise LoanbookError(
                f"{asked!r} is no {what} of collection_queues/{rules.name}: it has {', '.join(known)}"
            )


def assign(
    people: People, by: Actor, queue: pl.DataFrame, policies: PolicyBook, on: dt.date
) -> dict[str, int]:
    """Let each agent and supervisor who is a user be assigned the loans of the queue that stand with them: the attribute
    `account`, by which roles filter rows. Names of those users, and how many loans each has now.

    A role that reads `within: [account]` then shows them these loans on every page, in every command and in SQL.
    """
    rules = queue_rules(policies, on)
    named = {plain_name(a.name) for team in rules.teams for a in team.agents}
    named |= {plain_name(name) for team in rules.teams for name in team.supervisors}
    users = {plain: user for plain, user in known_names(people).items() if plain in named}
    found = {}
    for plain in sorted(users):
        shown = sight(users[plain], Reading(rows=()), rules)
        assert shown is not None, "the queue names them"
        keys = queue.filter(shown.of)["loan_key"].sort().to_list()
        set_attribute(people, by, users[plain].name, "account", keys)
        found[users[plain].name] = len(keys)
    return found
