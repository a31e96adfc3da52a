"""Dagster's asset of the queue: each agent and supervisor who is a user is given the loans that stand with them."""

import dagster as dg

from loanbook.core.errors import PolicyError
from loanbook.core.store.people.acting import acting
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.asset_keys import PREFIX
from loanbook.pipelines.collections.desk import assign
from loanbook.pipelines.collections.queued import queue_by
from loanbook.pipelines.resources import policies_of, settings
from loanbook.pipelines.servicing.assets import ledger_close


@dg.asset(key_prefix=PREFIX, deps=[ledger_close], group_name="collections", kinds={"polars"})
def queue_assignments() -> dg.MaterializeResult:
    """The queue of late loans after the last close, and what of it each user who stands in it sees from now on."""
    where = settings()
    reader = LedgerReader(where)
    if reader.published_range()[1] is None:
        raise dg.Failure("nothing is published yet", allow_retries=False)
    policies = policies_of(reader)
    at = reader.clocks()
    people = open_people(where)
    try:
        queue = queue_by(reader, policies, at)
        given = assign(people, acting(where, people), queue, policies, at.on)
    except PolicyError as lacking:  # of an instance of an earlier release: the night goes on
        return dg.MaterializeResult(metadata={"note": f"no queue was made: {lacking}"})
    finally:
        people.close()
        reader.close()
    states = dict(queue.group_by("state").len().sort("state").rows())
    return dg.MaterializeResult(metadata={"on": at.on.isoformat(), **states, "users": len(given)})
