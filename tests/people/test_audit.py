"""The audit trail in its database, on the command line, and anchored in the ledger's versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from loanbook.core.access.actor import AccessError
from loanbook.core.access.trail import AuditError
from loanbook.core.store.people import audit, users
from loanbook.core.store.people.acting import acting, is_demo, system_user
from loanbook.core.store.people.anchors import anchors
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.sessions import make_token
from loanbook.core.store.people.users import NewUser, add_user
from loanbook.core.store.settings import Settings
from loanbook.pipelines.cli import app
from loanbook.pipelines.commands.init import make
from tests.people.conftest import ADMIN, PASSWORD, Clock
from tests.pipelines.files import LOANS, weekly_loan


def test_the_database_refuses_to_change_the_trail_and_who_changes_it_all_the_same_is_found(
    people: People,
) -> None:
    users.set_attribute(people, ADMIN, "ann", "region", ["US-CA"])
    count, broken = audit.verified(people)
    assert broken is None
    for statement in ("UPDATE audit SET actor_user_name = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="only appended to"), people.writing() as session:
            session.execute(text(statement))
    with people.writing() as session:
        for name in ("audit_UPDATE", "audit_DELETE"):
            session.execute(text(f"DROP TRIGGER {name}"))
    with people.writing() as session:
        session.execute(text("UPDATE audit SET after = '{}' WHERE seq = 3"))
    _, broken = audit.verified(people)
    assert broken is not None
    assert broken.seq == 3
    with people.writing() as session:  # the end cut off, and the head with it
        session.execute(text(f"DELETE FROM audit WHERE seq = {count}"))
    _, broken = audit.verified(people)
    assert broken is not None


def test_entries_are_read_by_actor_loan_and_date_with_what_was_before_and_after(
    people: People, clock: Clock
) -> None:
    clock.pass_by(days=1)
    users.set_attribute(people, ADMIN, "ann", "region", ["US-CA"])
    audit.log(
        people, ADMIN, audit.Record("order.propose", ("order", "o-1"), loan="L1", correlation="r1")
    )
    since = audit.entries(people, actor="ROOT", since=clock.at.date())
    assert since["activity_name"].to_list() == ["user.attribute", "order.propose"]
    assert json.loads(since["before"][0]) == {"region": []}
    assert json.loads(since["after"][0]) == {"region": ["US-CA"]}
    of_loan = audit.entries(people, loan="L1").row(0, named=True)
    assert (of_loan["class_uid"], of_loan["activity_id"]) == (3004, 1)
    assert of_loan["metadata_correlation_uid"] == "r1"
    assert of_loan["actor_user_groups"] == "administrator"
    rows = audit.entries(people)
    for never_null in ("actor_user_name", "class_uid", "time", "status_id", "hash"):
        assert rows[never_null].null_count() == 0


def test_a_clock_that_runs_back_beyond_the_limit_stops_what_was_to_be_done(
    people: People, clock: Clock
) -> None:
    clock.pass_by(seconds=-299)
    users.give_role(people, ADMIN, "ann", "analyst")
    clock.pass_by(seconds=-2)
    with pytest.raises(AuditError, match="behind the last entry"):
        users.give_role(people, ADMIN, "ann", "compliance")
    assert users.known_names(people)["ann"].roles == {"servicing", "analyst"}
    assert audit.verified(people)[1] is None


@pytest.fixture
def lender(tmp_path: Path, founded: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An instance in production, with a service that runs it and two files."""
    home = tmp_path / "lender"
    make(home, "Midtown")
    shutil.copytree(founded / "lake", home / "lake")
    toml = home / "loanbook.toml"
    told = toml.read_text().replace('profile = "demo"', 'profile = "production"')
    toml.write_text(told)
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    monkeypatch.delenv("LOANBOOK_TOKEN", raising=False)
    (home / "landing" / "loan_tape_2018-01-02.csv").write_text(LOANS + weekly_loan("A"))
    return Settings.of(home)


def run(*arguments: str, given: str | None = None) -> str:
    """What a command printed; the error it ended with is raised."""
    done = CliRunner().invoke(app, list(arguments), input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_in_production_nobody_unknown_does_anything_and_each_version_names_the_trail(
    lender: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_demo(lender)
    with pytest.raises(AccessError, match="has no users yet: add the first one"):
        run("status")
    with pytest.raises(AccessError, match="for demo instances"):
        run("demo")
    run(
        "users", "add", "root", "--role", "administrator", "--password-stdin", given=f"{PASSWORD}\n"
    )
    with pytest.raises(AccessError):  # there is a user now: the owner may no longer add one
        run("users", "add", "eve", "--role", "administrator", "--no-password")
    people = open_people(lender)
    add_user(people, ADMIN, NewUser("dagster", "service", roles=("scheduler",)))
    monkeypatch.setenv("LOANBOOK_TOKEN", make_token(people, ADMIN, "dagster", 1))
    assert "version" in run("backfill", "2018-01-03")
    with pytest.raises(AccessError, match="book.rollback"):
        run("rollback", "--reason", "x")
    with pytest.raises(AccessError, match="ledger.query"):
        run("sql", "SELECT 1")
    with pytest.raises(AccessError, match="audit.read"):
        run("audit")
    denied = audit.entries(people, activity="access.denied")
    assert denied["entity_uid"].to_list() == ["status", "users", "rollback", "sql", "audit"]
    add_user(people, ADMIN, NewUser("vera", os_user=system_user()))
    users.give_role(people, ADMIN, "vera", "analyst")
    monkeypatch.delenv("LOANBOOK_TOKEN")
    assert acting(lender).name == "vera"
    run("sql", "SELECT version, actor FROM versions")
    asked = audit.entries(people, actor="vera", activity="command.run")
    assert "SELECT" in str(asked["after"][0]) or asked.height == 1
    # anchors: two versions name the trail
    assert [each.version for each in anchors(lender)] == [1, 2]
    count, broken = audit.verified(people, anchors(lender))
    assert broken is None
    assert count > anchors(lender)[0].entries > 0


def test_a_policy_that_changed_waits_until_somebody_puts_it_in_force(
    lender: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = open_people(lender)
    add_user(people, ADMIN, NewUser("dagster", "service", roles=("scheduler",)))
    add_user(people, ADMIN, NewUser("otto", "service", roles=("servicing",)))
    monkeypatch.setenv("LOANBOOK_TOKEN", make_token(people, ADMIN, "dagster", 1))
    run("backfill", "2018-01-02")
    fee = lender.home / "policies" / "late_fees" / "standard.yaml"
    fee.write_text(fee.read_text() + "# the same rules\n")
    run("backfill", "2018-01-03")  # what it says is what counts
    new = fee.with_name("own.yaml")
    new.write_text(fee.read_text().replace("name: standard", "name: own"))
    with pytest.raises(AccessError, match=r"late_fees/own@1 \(new\)"):
        run("backfill", "2018-01-04")
    with pytest.raises(AccessError, match=r"policy\.change"):
        run("policies", "--accept", "--reason", "mine")
    monkeypatch.setenv("LOANBOOK_TOKEN", make_token(people, ADMIN, "otto", 1))
    assert "late_fees/own@1" in run("policies", "--accept", "--reason", "board of 3 March")
    run("backfill", "2018-01-04")
    changes = audit.entries(people, activity="policy.change")
    assert changes["status_detail"].to_list()[-1] == "board of 3 March"
    assert "late_fees/own@1" not in json.loads(changes["before"][-1])
    assert "late_fees/own@1" in json.loads(changes["after"][-1])


def test_a_demo_asks_for_no_account_and_loads_no_people(tmp_path: Path) -> None:
    make(tmp_path / "demo", "X")
    code = (
        "from loanbook.pipelines.commands.guard import allow\nallow('status', 'ledger.read')\n"
        "import sys\nprint('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "LOANBOOK_HOME": str(tmp_path / "demo")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
    assert not (tmp_path / "demo" / "people").exists()
