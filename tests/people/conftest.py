"""People's databases that tests write to, and a clock that they set."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from loanbook.core.access.actor import Actor
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.users import NewUser, add_user
from loanbook.core.store.settings import Settings

ADMIN = Actor("root", roles=frozenset({"administrator"}), second_factor=True)
PASSWORD = "a sentence nobody knows"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += dt.timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(tmp_path: Path, clock: Clock) -> Iterator[People]:
    """Ann who serves loans, and Bob who approves."""
    made = open_people(Settings(home=tmp_path / "home"), clock)
    add_user(made, ADMIN, NewUser("Ann", password=PASSWORD, roles=("servicing",)))
    add_user(made, ADMIN, NewUser("Bob", password=PASSWORD, roles=("approver",)))
    yield made
    made.close()
