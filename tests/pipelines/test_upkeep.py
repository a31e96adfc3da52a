"""What keeps a ledger sound: lost, damaged, full, read-only; merged and taken back."""

from __future__ import annotations

import datetime as dt
import errno
import os
import sqlite3
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.store import lake, writer
from loanbook.core.store.grouped.tables import TABLES
from loanbook.core.store.instance import Maintenance
from loanbook.core.store.marts import NAMES as MARTS
from loanbook.core.store.queries import ledger_status
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import HOME_VARIABLE, Settings
from loanbook.core.store.storage.place import Place
from loanbook.core.store.upkeep.maintenance import maintain
from loanbook.core.store.upkeep.partitions import outgrown
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.commands import app as commands
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days
from loanbook.pipelines.servicing.publishing import NotPublishedError
from loanbook.pipelines.servicing.verify import rebuild
from tests.pipelines.files import close_landed, drop, take

CLI = CliRunner()


@pytest.fixture
def home(closed_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance closed to 10 January, which commands work on."""
    closed_ledger.close()
    monkeypatch.setenv(HOME_VARIABLE, str(closed_ledger.settings.home))
    return closed_ledger.settings.home


def said(*words: str) -> str:
    """What a command prints, or the error that it ends with."""
    result = CLI.invoke(app, list(words))
    return f"{result.output} {result.exception or ''}"


def test_a_lost_catalogue_or_a_mistyped_home_begins_no_ledger(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (home / "lake").glob("catalogue.sqlite*"):
        path.unlink()
    for command in ("backfill", "close", "migrate"):
        assert "restore the catalogue from a backup" in said(command)
    (home / "lake").rename(tmp_path / "unmounted")
    for command in ("backfill", "close", "migrate"):
        assert "mount its disk, or restore it" in said(command)
    assert not (home / "lake").exists()
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "mistyped"))
    for words in (("backfill",), ("rebuild", "--verify"), ("maintain",)):
        assert "make an instance there with `loanbook init" in said(*words)
    assert not (tmp_path / "mistyped").exists()


def test_a_damaged_file_is_told_and_its_version_can_be_taken_back(home: Path) -> None:
    where = Settings(home=home)
    reader = LedgerReader(where)
    before = reader.positions("2018-01-08")
    reader.close()
    assert CLI.invoke(app, ["status", "--files"]).exit_code == 0
    newest = max(
        (home / "lake/data/main/position_core").iterdir(), key=lambda p: p.stat().st_mtime_ns
    )
    whole = newest.read_bytes()
    bent = bytearray(whole)
    bent[len(bent) // 2] ^= 255
    for content, words, what in (
        (None, ("status",), "is missing"),
        (b"", ("status",), "is empty"),
        (whole[:-1], ("status",), f"has {len(whole) - 1:,} bytes, not {len(whole):,}"),
        (bytes(bent), ("status", "--files"), "was changed: it can't be read"),
    ):
        newest.unlink() if content is None else newest.write_bytes(content)
        result = CLI.invoke(app, list(words))
        assert result.exit_code == 1
        assert what in " ".join(result.output.split())
    oldest = min(
        (home / "lake/data/main/position_core").iterdir(), key=lambda p: p.stat().st_mtime_ns
    )
    kept = oldest.read_bytes()
    oldest.unlink()  # that of the days before: to take the last ones back would not help
    assert "nothing was taken back; restore them from a backup" in said("rollback", "--reason", "x")
    oldest.write_bytes(kept)
    told = said("rollback", "--reason", "a bad disk")
    assert "Versions 9 to 10 are withdrawn, version 8 of 2018-01-08 stands" in told
    assert "`loanbook backfill 2018-01-10` closes" in " ".join(told.split())
    assert CLI.invoke(app, ["status", "--files"]).exit_code == 0
    reader = LedgerReader(where)
    assert reader.positions().equals(before)
    reader.close()
    assert "2018-01-10 is version 12" in said("backfill")
    assert "equal" in said("rebuild", "--verify")
    states = LedgerReader(where).sql("SELECT version, state, reason FROM publications ORDER BY 1")
    assert states.rows()[-4:] == [
        (9, "withdrawn", "a bad disk"), (10, "withdrawn", "a bad disk"),
        (11, "published", "all checks passed"), (12, "published", "all checks passed"),
    ]  # fmt: skip


def test_maintenance_keeps_every_version_wherever_it_is_killed_and_ends_when_run_again(
    home: Path,
) -> None:
    where = Settings(home=home)
    views = ("positions", "dues", "transfers", "allocations", "loans", "events", "checks")

    def rows() -> dict[str, pl.DataFrame]:
        reader = LedgerReader(where)
        found = {view: reader.sql(f"SELECT * FROM {view} ORDER BY ALL") for view in views}
        reader.close()
        return found

    def on_disk() -> int:
        return len(list((home / "lake/data").rglob("*.parquet")))

    before, many = rows(), on_disk()
    assert "tables would be merged to 2018-01-01" in said("maintain", "--dry-run")
    assert on_disk() == many
    rules = Maintenance(snapshot_days=0)
    months = []
    for place in ("merge transfers", "expire", "clean up", "vacuum"):

        def died(name: str, done: int, total: int, place: str = place) -> None:
            if name == place:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            maintain(where, rules, "test", stage=died)
        assert all(table.equals(before[view]) for view, table in rows().items())
        ledger = Ledger(where)
        months.append(ledger.one("SELECT max(merged_to) FROM {lake}.maintenance")[0])
        ledger.close()
    # until the tables are merged no month is recorded, so the next run merges what is left
    assert months == [None, *[dt.date(2018, 1, 1)] * 3]
    assert (
        on_disk() > many
    )  # readers that had begun still find the old files; they go with a later run
    ledger = Ledger(where)
    stray = home / "lake/data/main/position_core/ducklake-of-a-killed-run.parquet"
    stray.write_bytes(b"PARE")
    old = dt.datetime.now().timestamp() - 8 * 86_400
    os.utime(stray, (old, old))
    ledger.connection.execute(
        f"UPDATE {lake.CATALOGUE}.ducklake_files_scheduled_for_deletion "
        "SET schedule_start = now() - INTERVAL 2 DAY"
    )
    ledger.close()
    did = maintain(where, rules, "test")
    assert (did.month, did.tables, did.orphans) == (None, (), 1)  # once a month
    assert did.cleaned > 0
    assert did.after.stored == on_disk() < many / 2
    assert did.after.catalogue <= did.before.catalogue
    assert did.after.snapshots <= 2
    assert CLI.invoke(app, ["status", "--files"]).exit_code == 0
    assert all(table.equals(before[view]) for view, table in rows().items())
    ledger = Ledger(where)
    drop(ledger, "payments_2018-01-11.csv", "payment_ref,loan_key,amount,currency,value_date\n")
    take(ledger)
    close_landed(ledger)
    assert rebuild(ledger, ledger.register(read_policies())).differences.is_empty()


def test_a_close_and_maintenance_wait_for_each_other_and_say_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Settings(home=home)
    monkeypatch.setattr(lake, "LOCK_SECONDS", 0.05)
    ledger = Ledger(where)
    with lake.alone(ledger.connection):  # a step of maintenance
        assert "`loanbook maintain` has been merging" in said("close", "2018-01-11")
    assert ledger.published()[1] == dt.date(2018, 1, 10)
    with lake.transaction(ledger.connection):  # a commit of a close
        assert "another run has been writing" in said("maintain")
    with lake.only_run(where.lake):
        assert "another `loanbook maintain` works on this ledger" in said("maintain")
    ledger.close()
    assert "2018-01-11 is version" in said("close", "2018-01-11")


def test_tables_are_partitioned_by_the_size_of_the_book(home: Path) -> None:
    ledger = Ledger(Settings(home=home))

    def parts() -> dict[str, int]:
        return dict(
            ledger.rows(
                f"SELECT t.table_name, count(*) FROM {lake.CATALOGUE}.ducklake_partition_info i "
                f"JOIN {lake.CATALOGUE}.ducklake_partition_column c ON c.partition_id = i.partition_id "
                f"JOIN {lake.CATALOGUE}.ducklake_table t ON t.table_id = i.table_id "
                "WHERE i.end_snapshot IS NULL AND t.end_snapshot IS NULL GROUP BY t.table_name"
            )
        )

    others = {
        "transfers": 1,
        "events": 1,
        "account_balances": 1,
        "checks": 1,
        "bank_entries": 1,
    }
    dated = (*TABLES, "dues", "allocations", "risk_events")
    for before, now, columns in [(0, 5_000, 1), (5_000, 5_001, 2), (5_001, 200_000, 2)]:
        outgrown(ledger.connection, before, now)
        assert parts() == dict.fromkeys(dated, columns) | others  # years, then months
    outgrown(ledger.connection, 199_999, 200_001)
    assert parts() == {"dues": 2, "allocations": 2, "risk_events": 2} | others
    ledger.close()
    assert "2018-01-11 is version" in said("close", "2018-01-11")


def test_an_option_that_lets_rows_stand_in_the_catalogue_is_refused(home: Path) -> None:
    where = Settings(home=home)
    with sqlite3.connect(where.sqlite) as catalogue:
        catalogue.execute(
            "INSERT INTO ducklake_metadata (key, value) VALUES ('data_inlining_row_limit', '10')"
        )
    catalogue.close()
    for words in (("status",), ("close", "2018-01-11"), ("maintain",)):
        assert "the option data_inlining_row_limit = 10" in said(*words)
    with sqlite3.connect(where.sqlite) as catalogue:  # the remedy that it tells
        catalogue.execute("DELETE FROM ducklake_metadata WHERE key = 'data_inlining_row_limit'")
    catalogue.close()
    assert CLI.invoke(app, ["status"]).exit_code == 0


def test_a_read_only_copy_can_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By root in a test a folder can always be written, so the answer is told; the catalogue is in
    write-ahead mode, which SQLite opens in no folder that it can't write to."""
    expected = LedgerReader(Settings(home=home)).positions()
    kept = {p: p.read_bytes() for p in (home / "lake").glob("catalogue.sqlite*")}
    monkeypatch.setattr(lake, "_writable", lambda catalogue: False)
    assert LedgerReader(Settings(home=home)).positions().equals(expected)
    assert "2018-01-10" in said("status")
    assert {p: p.read_bytes() for p in (home / "lake").glob("catalogue.sqlite*")} == kept


def test_a_full_disk_is_said_in_a_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise duckdb.IOException('Could not write file "x.parquet": No space left on device')

    with monkeypatch.context() as then:
        then.setattr(writer, "insert", full)
        assert "the disk is full" in said("close", "2018-01-11")
    assert "2018-01-11 is version" in said("close", "2018-01-11")

    def no_room() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(commands, "app", no_room)
    with pytest.raises(SystemExit):
        commands.main()
    assert "make room and run again" in " ".join(capsys.readouterr().err.split())


def test_a_version_that_waits_is_compared_with_the_day_before(home: Path) -> None:
    """A run died after it committed a day that lacks a loan: the next run rejects it as it would have."""
    ledger = Ledger(Settings(home=home))
    policies = ledger.register(read_policies())
    by = provenance(policies)

    def died(name: str, date: dt.date) -> None:
        if name == "committed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(close_days(ledger, policies, [dt.date(2018, 1, 11)], by, stage=died))
    version = ledger.head().working_version
    (lost,) = ledger.one(f"SELECT min(loan_id) FROM {{lake}}.positions WHERE version = {version}")
    ledger.connection.execute(
        f"DELETE FROM {lake.LAKE}.position_core WHERE version = {version} AND loan_id = {lost}"
    )
    with pytest.raises(NotPublishedError, match="loans_follow_from_yesterday"):
        list(close_days(ledger, policies, [dt.date(2018, 1, 11)], by))
    # the same without the planted fault: published by the next run
    with pytest.raises(KeyboardInterrupt):
        list(close_days(ledger, policies, [dt.date(2018, 1, 11)], by, stage=died))
    assert ledger_status(ledger).unchecked == (1, dt.date(2018, 1, 11), dt.date(2018, 1, 11))
    assert "1 days more, 2018-01-11 to 2018-01-11: they wait" in said("status")
    list(close_days(ledger, policies, [dt.date(2018, 1, 11)], by))
    assert ledger_status(ledger).unchecked == (0, None, None)
    assert ledger.head().published_date == dt.date(2018, 1, 11)
    names = ledger.frame(
        "SELECT name FROM {lake}.checks WHERE version = ? ", [ledger.head().published_version]
    )["name"]
    assert names.is_unique().all()
    assert "loans_follow_from_yesterday" in names


def test_a_published_version_is_flushed_to_disk(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(Place, "keep", lambda self, paths: flushed.extend(paths))
    there = set((home / "lake/data").rglob("*.parquet"))
    assert "is version" in said("close", "2018-01-11")
    written = set((home / "lake/data").rglob("*.parquet")) - there
    # all but what tells of the publication itself, whose row the next one flushes
    late = {p for p in written if p.parent.name in ("publications", "checks", "ledger_head")}
    late |= {p for p in written if p.parent.name in MARTS}
    assert written - late
    assert written - late <= set(map(Path, flushed))
