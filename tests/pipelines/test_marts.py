"""Marts are filled from what is published, whoever published it, and hold it once."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from loanbook.core.store.lake import LAKE
from loanbook.core.store.marts import MARTS, refresh_marts
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.simulation.landing import TAPE
from tests.conftest import fresh

SQL = {pl.Int8: "TINYINT", pl.Int16: "SMALLINT", pl.Int32: "INTEGER", pl.Int64: "BIGINT",
       pl.Date: "DATE"}  # fmt: skip


class KilledError(BaseException):
    """The run ends here, as if it were killed."""


def test_days_of_a_run_that_died_reach_the_marts_and_their_checks_stand_once(
    tmp_path: Path, founded: Path, small_landing: Path
) -> None:
    where = fresh(tmp_path / "home", founded, small_landing, "2018-01-03")
    ledger = Ledger(where)
    policies = ledger.register(read_policies())
    by = provenance(policies)
    take_in(ledger, policies, TAPE, correlation_id="test")

    def dies(stage: str, date: object) -> None:
        if (stage, str(date)) == ("committed", "2018-01-02"):
            raise KilledError

    try:
        list(close_days(ledger, policies, missing_days(ledger), by, stage=dies))
    except KilledError:
        ledger.close()
    ledger = Ledger(where)
    list(close_days(ledger, policies, missing_days(ledger), by))
    assert refresh_marts(ledger)["portfolio_daily"] > 0
    assert refresh_marts(ledger) == {mart.name: 0 for mart in MARTS}
    kept = ledger.frame(
        "SELECT version, business_date, sum(loans)::BIGINT AS n, sum(principal)::BIGINT AS owed "
        "FROM {lake}.portfolio_daily GROUP BY ALL ORDER BY ALL"
    )
    told = ledger.frame(
        "SELECT version, business_date, count(*) AS n, sum(principal)::BIGINT AS owed "
        "FROM {lake}.positions WHERE version IN (SELECT version FROM {lake}.publications "
        "WHERE state = 'published') GROUP BY ALL ORDER BY ALL"
    )
    assert kept.height == 3
    assert kept.equals(told)
    doubled = ledger.frame(
        "SELECT version, name FROM {lake}.checks GROUP BY ALL HAVING count(*) > 1"
    )
    assert doubled.is_empty()
    ledger.close()


def test_each_mart_has_the_table_that_it_declares(new_ledger: Ledger) -> None:
    ledger = new_ledger
    for mart in MARTS:
        stored = ledger.frame(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? "
            f"AND database_name = '{LAKE}' ORDER BY column_index",
            [mart.name],
        )
        assert dict(stored.rows()) == {n: SQL[t] for n, t in mart.schema.items()}  # type: ignore[index]
        assert mart.meaning
    ledger.close()
