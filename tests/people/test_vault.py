"""The vault of persons: who sees what, what is left of those who are forgotten, and other keys while others read."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.errors import LedgerError
from loanbook.core.store.people import audit
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.keys import KeyFileError
from loanbook.core.store.people.sessions import (
    Credentials,
    begin_second_factor,
    confirm_second_factor,
    sign_in,
)
from loanbook.core.store.sending.vault import Vault as Accounts
from loanbook.core.store.sending.vault import make_key
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault import forgetting, rotating, rows
from loanbook.core.store.vault.forgetting import erase
from loanbook.core.store.vault.rotating import rotate_keys, rotate_tokens
from loanbook.core.store.vault.vault import Vault, VaultError
from tests.people.conftest import PASSWORD, Clock

SERVING = Actor("Ann", roles=frozenset({"servicing"}), second_factor=True)
PROVING = Actor("Cy", roles=frozenset({"compliance"}), second_factor=True)
KEEPING = Actor("root", roles=frozenset({"administrator"}), second_factor=True)
PERSONS = pl.DataFrame({
    "ref": ["A-1/borrower", "A-2/borrower", "A-3/borrower"],
    "kind": ["individual", "individual", "business"],
    "given_name": ["Wilhelmina", "Ottokar", None],
    "family_name": ["Zzyzxroad", "Quillfeather", None],
    "legal_name": [None, None, "Marrowfat Holdings Ltd"],
    "birth_date": ["1979-03-05", "1983-11-30", None],
    "email": ["mina@zz.example", "otto@qf.example", "Post@Marrowfat.example"],
    "phone": ["+44 20 7946 0991", None, None],
    "id_country": ["US", "US", "GB"],
    "national_id": ["987-65-4329", "987-65-4320", "MF 5550199"],
})  # fmt: skip
"""Invented for this test: numbers that nobody is given."""


def _put(vault: Vault) -> dict[str, str]:
    done = vault.put(PERSONS, SERVING)
    assert done["outcome"].to_list() == ["new"] * 3
    return dict(zip(["mina", "otto", "firm"], done["person"], strict=True))


def test_persons_are_kept_once_found_however_they_are_written_and_shown_by_role(
    people: People,
) -> None:
    vault = Vault(people)
    who = _put(vault)
    assert vault.put(PERSONS, SERVING)["outcome"].to_list() == ["known"] * 3
    told = pl.DataFrame({
        "ref": ["A-1/borrower", "A-2/borrower", "A-9", "A-9", "A-9", None, "A-7"],
        "kind": ["individual", "individual", "business", "business", "business", "business", "dog"],
        "given_name": ["Wilma", "Ottokar", "x", "x", "y", "z", None],
    })  # fmt: skip
    done = vault.put(told, SERVING)
    assert done["outcome"].to_list() == ["conflict", "conflict", "new", "known", "conflict", "refused", "refused"]  # fmt: skip
    assert done["why"][5] == "it has no ref"
    done = vault.put(told.head(2), SERVING, amend=True)
    assert done["outcome"].to_list() == ["changed", "known"]

    found = vault.find("national_id", pl.DataFrame({"id_country": ["us", "US"], "national_id": ["987654329", "1"]}), SERVING)  # fmt: skip
    assert found.rows() == [(0, who["mina"])]
    found = vault.find("email", pl.DataFrame({"email": [" POST@marrowfat.example"]}), SERVING)
    assert found["person"].to_list() == [who["firm"]]

    shown = vault.masked(pl.Series([*who.values(), "p_none"]), SERVING)
    assert shown["state"].to_list() == ["open", "open", "open", "unknown"]
    assert shown["national_id"].to_list() == ["…4329", "…4320", "…0199", None]
    assert shown["given_name"].to_list()[:2] == ["W…", "O…"]
    assert shown["birth_date"].null_count() == 4
    with pytest.raises(AccessError, match="may not personal.unmask of given_name"):
        vault.open(pl.Series([who["mina"]]), SERVING, "wants to know")
    with pytest.raises(AccessError, match="may not personal.read"):
        vault.masked(pl.Series([who["mina"]]), KEEPING)
    with pytest.raises(VaultError, match="why the data is needed"):
        vault.open(pl.Series([who["mina"]]), PROVING, " ")
    plain = vault.open(pl.Series([who["mina"]]), PROVING, "complaint 12", fields=["given_name"])
    assert plain.rows() == [(who["mina"], "individual", "open", "Wilma")]

    trail = audit.entries(people).filter(
        pl.col("entity_type").is_in(["person", "persons", "command"])
    )
    assert trail.select("activity_name", "actor_user_name", "status_detail").rows()[-3:] == [
        ("access.denied", "Ann", "Ann may not personal.unmask of given_name: that takes one of the roles compliance; "
                                 "an administrator gives it"),
        ("access.denied", "root", "root may not personal.read: that takes one of the roles approver, compliance, "
                                  "reminders, scheduler, servicing; an administrator gives it"),
        ("person.unmask", "Cy", "complaint 12"),
    ]  # fmt: skip


def test_a_record_that_was_moved_to_another_person_does_not_open(people: People) -> None:
    vault = Vault(people)
    who = _put(vault)
    with people.writing() as session:
        for table, column in (("person_records", "sealed"), ("person_keys", "wrapped")):
            session.execute(
                text(f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE person = :of) WHERE person = :to"),  # noqa: S608
                {"of": who["mina"], "to": who["otto"]},
            )  # fmt: skip
    with pytest.raises(LedgerError, match=f"the key of {who['otto']} does not open"):
        vault.open(pl.Series([who["otto"]]), PROVING, "a look at it")


def _wrapped(people: People, person: str) -> bytes:
    with people.reading() as session:
        sql = text("SELECT wrapped FROM person_keys WHERE person = :p")
        return bytes(session.execute(sql, {"p": person}).scalar_one())


def _holding(folder: Path, data: bytes) -> list[str]:
    """Files below a folder that hold some bytes."""
    return [p.name for p in sorted(folder.rglob("*")) if p.is_file() and data in p.read_bytes()]


def test_of_who_is_forgotten_no_file_holds_the_key_and_nothing_opens(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault(people)
    who = _put(vault)
    key, folder = _wrapped(people, who["mina"]), people.settings.people_folder
    with people.reading() as session:
        before = rows.sealed_of(session, [who["mina"]])
    assert _holding(folder, key)
    file = people.settings.people_file
    assert file is not None
    reader = sqlite3.connect(file)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM persons").fetchall()
    monkeypatch.setattr(forgetting, "PATIENCE", 0.2)
    with pytest.raises(AccessError):
        erase(vault, who["mina"], SERVING, "asked for it")
    with pytest.raises(VaultError, match="still holds bytes of it"):
        erase(vault, who["mina"], PROVING, "asked for it")
    reader.close()
    assert erase(vault, who["mina"], PROVING, "asked for it") is False  # again: the log is cut
    assert _holding(folder, key) == []
    copy = tmp_path / "backup.sqlite"
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    assert key not in copy.read_bytes()
    assert before["sealed"][0] not in copy.read_bytes()

    shown = vault.open(pl.Series([who["mina"], who["otto"]]), PROVING, "a look at it")
    assert shown["state"].to_list() == ["erased", "open"]
    assert shown["family_name"].to_list() == [None, "Quillfeather"]
    wanted = pl.DataFrame({"email": ["mina@zz.example"]})
    assert vault.find("email", wanted, SERVING).is_empty()
    again = vault.put(PERSONS.head(1), SERVING)
    assert again.select("person", "outcome").row(0) == (who["mina"], "erased")
    with people.writing() as session:  # what an old version held, put back without its key
        rows.add(session, "person_records", ("person", "revision", "sealed", "made_at"),
                 [(who["mina"], 1, before["sealed"][0], rows.instant(session, people.clock()))])  # fmt: skip
    assert vault.open(pl.Series([who["mina"]]), PROVING, "a look at it")["state"][0] == "erased"


class Killed(BaseException):
    """As a process that ends."""


def test_keys_and_tokens_are_rotated_while_others_read_and_a_killed_rotation_goes_on(
    people: People, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pyotp

    secret = begin_second_factor(people, "Bob").partition("secret=")[2].partition("&")[0]
    code = lambda: pyotp.TOTP(secret).at(clock.at)  # noqa: E731
    confirm_second_factor(people, KEEPING, "Bob", code())
    vault, reader = Vault(people), Vault(open_people(people.settings, clock))
    who, folder = _put(vault), people.settings.people_folder
    one = pl.Series([who["otto"]])
    master = (folder / "master.key").read_bytes()
    shutil.copytree(folder, tmp_path / "old" / "people", ignore=shutil.ignore_patterns("*.key"))
    old = _wrapped(people, who["otto"])

    def works(family: str = "Quillfeather") -> None:
        assert reader.open(one, PROVING, "a look at it")["family_name"][0] == family
        wanted = PERSONS.select("id_country", "national_id")
        assert reader.find("national_id", wanted, SERVING)["person"].to_list() == [*who.values()]
        assert reader.put(PERSONS, SERVING)["outcome"].to_list() == ["known"] * 3

    monkeypatch.setattr(rotating, "AT_ONCE", 1)
    for rotate, step in ((rotate_keys, "_wrap_anew"), (rotate_tokens, "_tell_anew")):
        whole, seen = getattr(rotating, step), []

        def dying(*told: object, whole=whole, seen=seen) -> list[str]:
            works()
            seen.append(1)
            if len(seen) == 2:
                raise Killed
            return whole(*told)

        monkeypatch.setattr(rotating, step, dying)
        with pytest.raises(Killed):
            rotate(vault, KEEPING)
        works()
        done = rotate(vault, KEEPING)
        assert (done.version, done.persons) == (2, 2)  # the first of three was done before
        works()
    clock.pass_by(seconds=60)
    assert sign_in(people, Credentials("bob", PASSWORD, code()))[1].second_factor
    assert not (folder / "master.next.key").exists()
    assert (folder / "master.key").read_bytes() != master
    assert _holding(folder, master) == _holding(folder, old) == []
    with people.reading() as session:
        found = session.execute(text("SELECT purpose, version, state, wrapped IS NULL FROM vault_keys ORDER BY 1, 2"))  # fmt: skip
        assert [tuple(row) for row in found] == [
            ("tokens", 1, "destroyed", 1), ("tokens", 2, "current", 0),
            ("wrapping", 1, "destroyed", 1), ("wrapping", 2, "current", 0),
        ]  # fmt: skip
    before = Settings(home=tmp_path / "old")
    shutil.copy(folder / "master.key", before.people_folder / "master.key")
    with pytest.raises(KeyFileError, match="sealed with another key"):
        Vault(open_people(before, clock)).open(one, PROVING, "a look at it")
    with pytest.raises(AccessError, match="may not vault.rotate"):
        rotate_keys(vault, PROVING)
    reader.people.close()


class Service:
    """As a key management service: keeps its keys to itself, and opens with the context alone."""

    kept: dict[bytes, tuple[bytes, str]] = {}

    def wrap(self, key: bytes, about: str) -> bytes:
        wrapped = f"service key {len(self.kept)}".encode()
        self.kept[wrapped] = (key, about)
        return wrapped

    def unwrap(self, wrapped: bytes, about: str) -> bytes:
        key, of = self.kept[wrapped]
        assert of == about
        return key


def test_a_key_management_service_keeps_what_the_vaults_keys_stand_under(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Settings(home=tmp_path / "home")
    where.home.mkdir()
    toml = where.home / "loanbook.toml"
    toml.write_text('[people]\nkey_service = "tests.people.test_vault:Service"\n')
    vault = Vault(open_people(where, clock))
    who = _put(vault)
    assert not (where.people_folder / "master.key").exists()
    assert rotate_keys(vault, KEEPING).master == "kept"
    assert vault.open(pl.Series([who["firm"]]), PROVING, "a look at it")["legal_name"][0] == "Marrowfat Holdings Ltd"  # fmt: skip
    toml.write_text('[people]\nkey_service = "tests.people.none:Service"\n')
    with pytest.raises(LedgerError, match="key_service: tests.people.none:Service can't be loaded"):
        Vault(open_people(where, clock))


def test_a_master_key_of_the_environment_is_followed_by_another(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_MASTER_KEY", "A" * 43 + "=")
    vault = Vault(people)
    who = _put(vault)
    monkeypatch.setenv("LOANBOOK_MASTER_KEY_NEXT", "B" * 43 + "=")
    assert rotate_keys(vault, KEEPING).master == "environment"
    monkeypatch.setenv("LOANBOOK_MASTER_KEY", "B" * 43 + "=")
    monkeypatch.delenv("LOANBOOK_MASTER_KEY_NEXT")
    one = pl.Series([who["otto"]])
    assert vault.open(one, PROVING, "a look at it")["given_name"][0] == "Ottokar"
    monkeypatch.setenv("LOANBOOK_MASTER_KEY", "short")
    with pytest.raises(KeyFileError, match="holds no key"):
        vault.open(one, PROVING, "a look at it")
    assert not (people.settings.people_folder / "master.key").exists()


def test_an_account_outside_is_lost_with_its_person_and_no_other_is(people: People) -> None:
    vault = Vault(people)
    who = _put(vault)
    lake = people.settings.home / "lake"
    lake.mkdir(parents=True, exist_ok=True)
    make_key(lake)
    accounts = Accounts(lake, people.settings)
    told = pl.DataFrame(
        {"bank": ["021000021"] * 3, "account": ["4711", "4712", "4713"], "account_type": [""] * 3, "holder": ["Mina", "Otto", "Nobody"]}
    )  # fmt: skip
    sealed = accounts.sealed(told, [who["mina"], who["otto"], None])
    assert sealed["token"].to_list() == accounts.sealed(told)["token"].to_list()
    assert accounts.opened(sealed)["account"].to_list() == ["4711", "4712", "4713"]
    moved = pl.DataFrame(
        {"token": sealed["token"][:2], "sealed": sealed["sealed"].to_list()[1::-1]}
    )
    with pytest.raises(LedgerError, match="does not open"):
        accounts.opened(moved.head(2))
    rotate_keys(vault, KEEPING)
    assert erase(vault, who["mina"], PROVING, "asked to be forgotten")
    assert accounts.opened(sealed)["account"].to_list() == [None, "4712", "4713"]
    # what is told of a forgotten person is not under a key that is no more: it is as of nobody
    assert accounts.opened(accounts.sealed(told, [who["mina"]] * 3))["account"].null_count() == 0
