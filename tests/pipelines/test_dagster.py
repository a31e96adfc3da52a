"""The real job, end to end, through Dagster: range, failure, what its checks show."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import dagster as dg
import polars as pl
import pytest

from loanbook.core.servicing.day import close as engine
from loanbook.core.store.reader import LedgerReader
from tests.conftest import fresh, with_positions


@pytest.fixture
def instance_home(
    tmp_path: Path, founded: Path, small_landing: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-06")
    monkeypatch.setenv("LOANBOOK_HOME", str(where.home))
    for name in ("DAGSTER_HOME", "LOANBOOK_DAGSTER_STORAGE"):
        monkeypatch.setenv(name, str(where.home / "dagster"))
    return where.home


def _job(home: Path, first: str, last: str) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
    definitions, jobs = _loaded(home)
    instance = dg.DagsterInstance.get()
    job = definitions.defs.resolve_job_def("daily_run")
    result = job.execute_in_process(
        instance=instance, tags=jobs.range_tags(first, last), raise_on_error=False
    )
    return result, instance


def _loaded(home: Path) -> tuple[ModuleType, ModuleType]:
    """Definitions and jobs of an instance, as a process that begins now has them."""
    import importlib

    from loanbook.core.store.settings import Settings
    from loanbook.pipelines import definitions, partitions
    from loanbook.pipelines.dagster_home import prepare_home
    from loanbook.pipelines.ingest import assets as ingest
    from loanbook.pipelines.reporting import assets as reporting
    from loanbook.pipelines.servicing import alerts, assets, jobs, schedules

    prepare_home(Settings(home=home))
    for module in (partitions, ingest, assets, reporting, jobs, alerts, schedules, definitions):
        importlib.reload(module)  # partitions are read when definitions load
    return definitions, jobs


def _reader(home: Path) -> LedgerReader:
    from loanbook.core.store.settings import Settings

    return LedgerReader(Settings(home=home))


def test_a_corrupt_day_stops_the_range_and_readers_keep_the_last_good_version(
    instance_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loanbook.pipelines.servicing import days

    honest = engine.close

    def corrupt(book, events, policies, date):  # type: ignore[no-untyped-def]
        done = honest(book, events, policies, date)
        if date != dt.date(2018, 1, 4):
            return done
        return with_positions(done, principal=pl.col("principal") + 1)

    whole = days.close_days

    def corrupted(*args, **kwargs):  # type: ignore[no-untyped-def]
        return whole(*args, close=corrupt, **kwargs)

    monkeypatch.setattr(days, "close_days", corrupted)
    result, instance = _job(instance_home, "2018-01-01", "2018-01-06")
    assert not result.success
    assert "2018-01-04" in str(result.all_events[-1]) or any(
        "2018-01-04" in str(e.step_failure_data) for e in result.all_events if e.is_step_failure
    )
    reader = _reader(instance_home)
    assert reader.published_range() == (dt.date(2018, 1, 1), dt.date(2018, 1, 3))
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert "ledger_equals_positions" in failed
    done = instance.get_materialized_partitions(dg.AssetKey(["loanbook", "ledger_close"]))
    assert done == {"2018-01-01", "2018-01-02", "2018-01-03"}


def test_the_sensor_starts_a_run_for_what_landed_which_publishes_day_by_day(
    instance_home: Path,
) -> None:
    """It goes on from days that a command closed, which Dagster was told of, and rests when all is published; a
    range is one run, and run again it changes nothing."""
    from loanbook.pipelines.commands.run import backfill
    from loanbook.pipelines.servicing import schedules

    _loaded(instance_home)
    backfill("2018-01-02")
    instance = dg.DagsterInstance.get()
    _two_days_are_told(instance)

    context = dg.build_sensor_context(instance=instance)
    asked = schedules.landing_sensor(context)
    assert isinstance(asked, dg.RunRequest)
    assert str(asked.run_key).startswith("2018-01-03..2018-01-06 ")
    same = schedules.landing_sensor(context)  # a run of this key is not asked for twice
    assert isinstance(same, dg.RunRequest)
    assert same.run_key == asked.run_key
    mended = instance_home / "landing" / "payments_2018-01-06_mended.csv"
    mended.write_text("payment_ref,loan_key,amount,currency,value_date\n", encoding="utf-8")
    other = schedules.landing_sensor(context)
    assert isinstance(other, dg.RunRequest)
    assert other.run_key != asked.run_key
    assert other.tags == asked.tags
    result, _ = _job(instance_home, "2018-01-03", "2018-01-06")
    assert result.success
    assert isinstance(schedules.landing_sensor(context), dg.SkipReason)
    _six_days_are_published(instance_home, result, instance)
    again, _ = _job(instance_home, "2018-01-01", "2018-01-06")
    assert again.success
    assert _reader(instance_home).versions().height == 6
    (instance_home / "landing" / "payments_2018-01-07.csv").write_text(
        "payment_ref,loan_key,amount,currency,value_date\n", encoding="utf-8"
    )
    next_day = schedules.landing_sensor(context)
    assert isinstance(next_day, dg.RunRequest)
    assert str(next_day.run_key).startswith("2018-01-07..2018-01-07 ")


def _two_days_are_told(instance: dg.DagsterInstance) -> None:
    assert instance.get_materialized_partitions(CLOSE) == {"2018-01-01", "2018-01-02"}
    told = instance.get_latest_materialization_event(CLOSE)
    assert told is not None
    assert told.asset_materialization is not None
    assert told.asset_materialization.metadata["version"].value == 2
    mart = instance.get_latest_materialization_event(dg.AssetKey(["loanbook", "portfolio_daily"]))
    assert mart is not None
    law = dg.AssetCheckKey(CLOSE, "trial_balance")
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([law])[law]
    assert record.status.value == "SUCCEEDED"


def _six_days_are_published(
    home: Path, result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> None:
    assert _reader(home).versions().height == 6
    assert instance.get_materialized_partitions(CLOSE) == {f"2018-01-0{n}" for n in range(1, 7)}
    checks = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert all(e.passed for e in checks.values())
    mart = _reader(home).query("SELECT count(DISTINCT business_date) AS n FROM portfolio_daily")
    assert mart["n"][0] == 6
    assert "minor" in str(checks["ledger_equals_positions"].metadata["last_figures"].value)


CLOSE = dg.AssetKey(["loanbook", "ledger_close"])


def test_every_asset_stands_below_one_prefix_and_every_check_says_what_it_asserts() -> None:
    from loanbook.pipelines.definitions import defs

    graph = defs.resolve_asset_graph()
    assert {key.path[0] for key in graph.get_all_asset_keys()} == {"loanbook"}
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert len(specs) >= 15
    assert [spec.name for spec in specs if not spec.description] == []
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert [node.key for node in nodes if not node.description] == []


def test_a_dagster_that_is_out_of_order_does_not_break_a_close(
    instance_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from loanbook.pipelines.commands.run import backfill

    monkeypatch.setenv("DAGSTER_HOME", str(instance_home / "landing" / "payments_2018-01-02.csv"))
    backfill("2018-01-02")
    assert _reader(instance_home).versions().height == 2
    assert "Dagster was not told" in capsys.readouterr().err


def test_no_dagster_is_made_where_there_is_none(
    instance_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loanbook.pipelines.commands.run import backfill

    monkeypatch.delenv("DAGSTER_HOME")
    backfill("2018-01-01")
    assert not (instance_home / "dagster").exists()


def _failed_run(instance: dg.DagsterInstance) -> dg.RunFailureSensorContext:
    """What the sensor sees of a run of the job's name that failed."""

    @dg.op
    def close() -> None:
        raise dg.Failure(description="the books of 2018-01-04 do not tie")

    @dg.job
    def daily_run() -> None:
        close()

    result = daily_run.execute_in_process(instance=instance, raise_on_error=False)
    return dg.build_run_status_sensor_context(
        sensor_name="alert_on_failure",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()


def test_a_failed_run_is_told_to_the_program_that_the_instance_names(instance_home: Path) -> None:
    from loanbook.core.errors import LoanbookError
    from loanbook.pipelines.servicing.alerts import alert_on_failure

    with dg.DagsterInstance.ephemeral() as instance:
        context = _failed_run(instance)
        assert isinstance(alert_on_failure(context), dg.SkipReason)  # nobody is named
        copies = "import sys; open('alerts.jsonl', 'a').write(sys.stdin.read() + chr(10))"
        toml = instance_home / "loanbook.toml"
        before = toml.read_text() if toml.exists() else ""
        toml.write_text(
            before + f"\n[alerts]\ncommand = {json.dumps([sys.executable, '-c', copies])}\n"
        )
        assert alert_on_failure(context) is None
        said = json.loads((instance_home / "alerts.jsonl").read_text())
        assert said["event"] == "run_failed"
        assert said["job"] == "daily_run"
        assert said["run_id"] == context.dagster_run.run_id
        assert said["message"] == "the books of 2018-01-04 do not tie"
        toml.write_text(before + '\n[alerts]\ncommand = ["false"]\n')
        with pytest.raises(LoanbookError, match="ended with code 1"):
            alert_on_failure(context)


def test_definitions_load_without_a_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", "import loanbook.pipelines.definitions"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = [
        line
        for line in done.stderr.splitlines()
        if "BetaWarning" in line or "PreviewWarning" in line
    ]
    assert ours == []
