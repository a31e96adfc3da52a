"""The queue of a ledger: two logins, two lists; what is refused stands in the trail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from loanbook.core.access.actor import AccessError
from loanbook.core.store.instance import SHIPPED_POLICIES
from loanbook.core.store.people import audit
from loanbook.core.store.people.acting import TOKEN_VARIABLE
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.users import NewUser, add_user
from loanbook.core.store.settings import Settings
from loanbook.pipelines.commands.app import app
from tests.collections.test_log import _run
from tests.dashboards.an_office import SETUP, signed_in

US_CA = {"region": ["US-CA"]}


@pytest.fixture(scope="module")
def office(late_book: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """The book as a lender in production: agent-1 and agent-2 see loans in California, so does the supervisor."""
    home = shutil.copytree(late_book.home, tmp_path_factory.mktemp("collections") / "home")
    (home / "loanbook.toml").write_text('profile = "production"\n')
    shutil.copytree(SHIPPED_POLICIES, home / "policies")
    people = open_people(Settings.of(home))
    for name, role in (
        ("agent-1", "collector"),
        ("agent-2", "collector"),
        ("supervisor-1", "collector"),
        ("new", "collector"),
    ):
        add_user(people, SETUP, NewUser(name, "person", None, None, (role,), US_CA))
    add_user(people, SETUP, NewUser("com", "person", None, None, ("compliance",), {}))
    yield people
    people.close()


def _queue(people: People, who: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[str]:
    monkeypatch.setenv("LOANBOOK_HOME", str(people.settings.home))
    monkeypatch.setenv(TOKEN_VARIABLE, signed_in(people, who))
    told = json.loads(_run("collections", "queue", "--json", *more))
    return [f"{row['loan_key']} {row['agent']} {row['state']}" for row in told]


def test_two_logins_see_two_lists_a_supervisor_the_team_and_a_refusal_stands_in_the_trail(
    office: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = _queue(office, "com", monkeypatch)
    assert len(every) == 6
    assert "B None waits" in every  # an attorney
    first, second = (_queue(office, name, monkeypatch) for name in ("agent-1", "agent-2"))
    assert "D agent-1 waits" in first  # a conversation two days before, with agent-1
    assert "F agent-1 assigned" in first
    assert second == ["C agent-2 assigned"]
    assert sorted(_queue(office, "supervisor-1", monkeypatch)) == sorted(
        [*first, *second]
    )  # E is in Texas
    for who, more, why in (
        ("agent-1", ("--agent", "agent-2"), "not yours to see"),
        ("new", (), "stands in no team"),
    ):
        monkeypatch.setenv(TOKEN_VARIABLE, signed_in(office, who))
        refused = CliRunner().invoke(app, ["collections", "queue", *more])
        assert isinstance(refused.exception, AccessError)
        assert why in str(refused.exception)
        last = audit.entries(office).row(-1, named=True)
        assert (last["activity_name"], last["actor_user_name"]) == ("access.denied", who)
