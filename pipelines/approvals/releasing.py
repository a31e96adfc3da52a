"""An approved order as a command file of its own, signed by the instance, in the landing folder.

The file's bytes and name follow from the order alone, so that a release that died is repeated without a second one.
"""

from __future__ import annotations

from loanbook.core.access.actor import Actor
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.errors import LedgerError
from loanbook.core.store.people import queue
from loanbook.core.store.people.database import People
from loanbook.core.store.people.keys import signature_of
from loanbook.core.store.queries import Queries
from loanbook.pipelines.approvals.judged import command_file
from loanbook.pipelines.waiting import SIGNATURE, land


def release(people: People, actor: Actor, ledger: Queries, order: queue.Order) -> queue.Order:
    """Put an approved order into the landing folder, for the next intake; the order as it is then."""
    _, published = ledger.published()
    if published is None:
        raise LedgerError("nothing is published yet: an order is of a loan that is")
    row = {
        **order.proposal.fields, "command_ref": order.id, "maker": order.maker,
        "checker": ", ".join(order.approved_by)[:64],
    }  # fmt: skip
    data = command_file([row])
    number = int.from_bytes(order.id.encode(), "big") % 10**12
    path = people.settings.landing / f"commands_{published}_{number:012d}.csv"
    land(path.with_name(path.name + SIGNATURE), signature_of(data, people.settings))
    land(path, data)
    queue.released(people, actor, order.id, path.name)
    return queue.order(people, order.id)


def release_rest(people: People, actor: Actor, ledger: Queries) -> int:
    """Release orders that were approved, but whose release died; how many they are."""
    left = [
        each for each in queue.orders(people, queue.APPROVED) if each.proposal.command in COMMANDS
    ]
    for order in left:
        release(people, actor, ledger, order)
    return len(left)
