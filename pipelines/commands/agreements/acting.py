"""Who acts on agreements, and what is opened for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loanbook.core.access.actor import Actor
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.people.database import People
    from loanbook.core.store.queries import InstanceQueries
    from loanbook.core.store.settings import Settings
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.approvals.desk import Desk


def opened_for_writing() -> tuple[Ledger, PolicyBook]:
    """The instance's ledger and policies."""
    from loanbook.pipelines.resources import open_instance

    return open_instance()


def lake() -> InstanceQueries:
    """The instance's ledger, to read alone: no other run waits for it, and nothing is written."""
    from loanbook.pipelines.commands.console import reading

    return reading().lake()


def lake_and_policies() -> tuple[InstanceQueries, PolicyBook]:
    """The same, with the policies."""
    from loanbook.pipelines.commands.console import opened

    reader, policies = opened()
    return reader.lake(), policies


def who(where: Settings, name: str = "", people: People | None = None) -> Actor:
    """Who acts, by the database of people where it is open; a demo takes anyone's word. AccessError: it is none, and
    somebody else is named."""
    from loanbook.core.access.actor import AccessError
    from loanbook.core.store.people.acting import acting, is_demo

    actor = acting(where, people)
    if not name:
        return actor
    if not is_demo(where):
        raise AccessError("--as is for demo instances: sign in as who you are")
    return replace(actor, name=name)


def desk() -> Desk:
    """What orders are proposed and approved with."""
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.approvals.desk import Desk
    from loanbook.pipelines.commands.console import opened

    reader, policies = opened()
    return Desk.of(open_people(reader.settings), reader, policies)
