"""Ledgers that earlier releases wrote: migrated, closed a day further, recomputed from events."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.errors import LedgerError
from loanbook.core.risk_events.catalogue import Cause
from loanbook.core.risk_events.folding import fold
from loanbook.core.servicing.loan.book import Positions
from loanbook.core.store import migrations
from loanbook.core.store.lake import LAKE
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from loanbook.pipelines.simulation.landing import TAPE
from tests.conftest import copied

LEDGERS = sorted((Path(__file__).parent / "ledgers").glob("schema_*.zip"))


def unpacked(ledger: Path, home: Path) -> Settings:
    with zipfile.ZipFile(ledger) as packed:
        packed.extractall(home)
    return Settings(home=home)


@pytest.mark.parametrize("released", LEDGERS, ids=lambda path: path.stem)
def test_a_ledger_of_an_earlier_release_is_migrated_closed_a_day_further_and_verified(
    tmp_path: Path, released: Path
) -> None:
    where = unpacked(released, tmp_path / "home")
    with pytest.raises(LedgerError, match="loanbook migrate"):
        LedgerReader(where)
    ledger = Ledger(where)
    policies = ledger.register(read_policies())
    take_in(ledger, policies, TAPE, correlation_id="test")
    days = missing_days(ledger)
    assert days == [dt.date(2018, 1, 3)]
    for _ in close_days(ledger, policies, days, provenance(policies)):
        pass
    reader = LedgerReader(where)
    assert reader.published_range() == (dt.date(2018, 1, 1), dt.date(2018, 1, 3))
    positions = reader.positions("2018-01-03")
    assert positions.height > 0
    Positions.validate(positions.select(Positions.column_names()))
    told = reader.risk_events()
    held = fold(told).filter(pl.col("loan_id").is_in(positions["loan_id"].implode()))
    assert Cause.opening.value in set(told["cause"]), "what no event had told is told as it stands"
    assert (
        held.select("loan_id", "days_past_due").rows()
        == positions.select("loan_id", "days_past_due").rows()
    )
    whole = rebuild(ledger, policies)
    assert whole.days == 3
    assert whole.differences.is_empty()
    one = replay_loan(ledger, policies, int(positions["loan_id"][0]))
    assert one.rows > 0
    assert one.differences.is_empty()
    reader.close()
    ledger.close()


def columns(where: Settings) -> pl.DataFrame:
    ledger = Ledger(where)
    found = ledger.frame(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        f"WHERE database_name = '{LAKE}' ORDER BY ALL"
    )
    ledger.close()
    return found


@pytest.mark.parametrize("released", LEDGERS, ids=lambda path: path.stem)
def test_a_migrated_ledger_has_the_columns_of_a_new_one(
    tmp_path: Path, founded: Path, released: Path
) -> None:
    old = columns(unpacked(released, tmp_path / "old"))
    grouped = old.filter(pl.col("table_name") != "positions_before")
    assert grouped.equals(columns(copied(founded, tmp_path / "new")))


def test_a_ledger_of_a_newer_loanbook_is_refused_with_the_remedy(new_ledger: Ledger) -> None:
    ledger, where = new_ledger, new_ledger.settings
    ledger.connection.execute(f"INSERT INTO {LAKE}.schema_version VALUES (99)")
    ledger.close()
    with pytest.raises(LedgerError, match="newer loanbook; update this one"):
        Ledger(where)


def test_a_migration_whose_check_fails_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Settings(home=tmp_path / "old")
    with monkeypatch.context() as then:
        then.setattr(migrations, "NAMES", migrations.NAMES[:8])
        Ledger(where).close()
    mart = migrations.import_module("loanbook.core.store.migrations.0009_portfolio_mart")
    with monkeypatch.context() as broken:
        broken.setattr(mart, "CREATE", "CREATE TABLE {lake}.portfolio_dayly (version BIGINT)")
        with pytest.raises(LedgerError, match="lacks tables portfolio_daily"):
            Ledger(where)
    ledger = Ledger(where)
    tables = ledger.frame("SELECT table_name FROM duckdb_tables()")["table_name"].to_list()
    assert "portfolio_daily" in tables
    assert "portfolio_dayly" not in tables
    ledger.close()
