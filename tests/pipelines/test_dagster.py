"""The real job, end to end, through Dagster: range, failure, what its checks show."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

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
    import importlib

    from loanbook.core.store.settings import Settings
    from loanbook.pipelines import definitions, partitions
    from loanbook.pipelines.ingest import assets as ingest
    from loanbook.pipelines.orchestration import prepare_home
    from loanbook.pipelines.servicing import assets, jobs, schedules

    prepare_home(Settings(home=home))
    for module in (partitions, ingest, assets, jobs, schedules, definitions):
        importlib.reload(module)  # partitions are read when definitions load
    instance = dg.DagsterInstance.get()
    job = definitions.defs.resolve_job_def("daily_run")
    result = job.execute_in_process(
        instance=instance, tags=jobs.range_tags(first, last), raise_on_error=False
    )
    return result, instance


def _reader(home: Path) -> LedgerReader:
    from loanbook.core.store.settings import Settings

    return LedgerReader(Settings(home=home))


def test_a_range_is_one_run_that_publishes_day_by_day(instance_home: Path) -> None:
    result, instance = _job(instance_home, "2018-01-01", "2018-01-06")
    assert result.success
    assert _reader(instance_home).versions().height == 6
    done = instance.get_materialized_partitions(dg.AssetKey("ledger_close"))
    assert done == {f"2018-01-0{n}" for n in range(1, 7)}
    checks = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert all(e.passed for e in checks.values())
    mart = _reader(instance_home).query(
        "SELECT count(DISTINCT business_date) AS n FROM portfolio_daily"
    )
    assert mart["n"][0] == 6
    assert "minor" in str(checks["ledger_equals_positions"].metadata["last_figures"].value)
    again, _ = _job(instance_home, "2018-01-01", "2018-01-06")
    assert again.success
    assert _reader(instance_home).versions().height == 6


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
    done = instance.get_materialized_partitions(dg.AssetKey("ledger_close"))
    assert done == {"2018-01-01", "2018-01-02", "2018-01-03"}


def test_the_sensor_starts_a_run_for_what_landed_and_rests_when_all_is_published(
    instance_home: Path,
) -> None:
    _, instance = _job(instance_home, "2018-01-01", "2018-01-02")
    from loanbook.pipelines.servicing import schedules

    context = dg.build_sensor_context(instance=instance)
    asked = schedules.landing_sensor(context)
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == "2018-01-03..2018-01-06"
    result, _ = _job(instance_home, "2018-01-03", "2018-01-06")
    assert result.success
    assert isinstance(schedules.landing_sensor(context), dg.SkipReason)
    (instance_home / "landing" / "payments_2018-01-07.csv").write_text(
        "payment_ref,loan_key,amount,currency,value_date\n", encoding="utf-8"
    )
    again = schedules.landing_sensor(context)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key == "2018-01-07..2018-01-07"
