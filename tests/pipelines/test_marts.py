"""Marts are filled from what is published, whoever published it, and hold it once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from loanbook.core.store.lake import LAKE
from loanbook.core.store.marts import MARTS, refresh_marts
from loanbook.core.store.marts.filling import rebuild
from loanbook.core.store.marts.ties import TIED, untied
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.simulation.landing import TAPE
from tests.conftest import copied, fresh
from tests.pipelines.a_risk_book import LAST

SQL = {pl.Int8: "TINYINT", pl.Int16: "SMALLINT", pl.Int32: "INTEGER", pl.Int64: "BIGINT",
       pl.Date: "DATE", pl.String: "VARCHAR"}  # fmt: skip


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
    other = Ledger(where)
    with ThreadPoolExecutor(2) as both:  # two runs at once fill them once: the second waits
        added = [each["portfolio_daily"] for each in both.map(refresh_marts, (ledger, other))]
    other.close()
    assert max(added) > 0 == min(added)
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
    assert refresh_marts(ledger) == dict.fromkeys((mart.name for mart in MARTS), 0)
    for mart in MARTS:
        stored = ledger.frame(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? "
            f"AND database_name = '{LAKE}' ORDER BY column_index",
            [mart.name],
        )
        assert dict(stored.rows()) == {n: SQL[t] for n, t in mart.schema.items()}  # type: ignore[index]
        assert mart.meaning
    ledger.close()


ENDS = (dt.date(2018, 1, 31), dt.date(2018, 2, 28), LAST)
LOAN = "l.entity, l.product, l.currency"
MONTH = "(SELECT loan_id, date_trunc('month', min(disbursed_on))::DATE AS cohort FROM loans GROUP BY ALL)"
STOOD = "p.status, p.days_past_due, count(*) AS loans, sum(p.principal) AS principal"
PORTFOLIO = f"""
    SELECT {LOAN}, {STOOD} FROM positions_at($on, $known) p JOIN loan_keys l USING (loan_id) GROUP BY ALL
"""
STATE = f"""
    SELECT {LOAN}, b.cohort, {STOOD}, sum(p.principal_due) AS principal_due
    FROM positions_at($on, $known) p JOIN loan_keys l USING (loan_id) JOIN {MONTH} b USING (loan_id) GROUP BY ALL
"""
COLLECTED = f"""
    SELECT {LOAN}, b.cohort, p.component, p.timing, sum(p.amount) AS amount
    FROM allocations_at($on, $known) p JOIN loan_keys l USING (loan_id) JOIN {MONTH} b USING (loan_id) GROUP BY ALL
"""
ROLLED = f"""
    WITH ended AS (
        SELECT loan_id, last(close_reason ORDER BY version, closed_on NULLS LAST) AS reason FROM loans
        WHERE close_reason IS NOT NULL AND version <= $known GROUP BY loan_id)
    SELECT {LOAN}, b.cohort, f.status AS from_status, f.days_past_due AS from_days,
           coalesce(t.status, CASE reason WHEN 'paid in full' THEN 1 END) AS to_status,
           t.days_past_due AS to_days, count(*) AS loans, coalesce(sum(f.principal), 0) AS from_principal,
           coalesce(sum(t.principal), 0) AS to_principal
    FROM (FROM positions_at($before, $known)) f FULL JOIN (FROM positions_at($on, $known)) t
      ON t.loan_id = f.loan_id
    JOIN loan_keys l ON l.loan_id = coalesce(t.loan_id, f.loan_id)
    JOIN {MONTH} b ON b.loan_id = l.loan_id LEFT JOIN ended e ON e.loan_id = l.loan_id GROUP BY ALL
"""


def _as_told(reader: LedgerReader, name: str, told: str, on: dt.date, known: int) -> None:
    """The mart of a date, as known at a version, holds what `told` reads of the positions themselves."""
    first = on.replace(day=1)
    at = {"on": on, "known": known, "before": first - dt.timedelta(days=1)}
    wanted = reader.query(told, {key: value for key, value in at.items() if f"${key}" in told})
    kept = reader.mart(name, on, known).select(wanted.columns)
    types = kept.schema
    assert wanted.cast(types).sort(wanted.columns).equals(kept.sort(wanted.columns)), (
        name,
        on,
        known,
    )  # type: ignore[arg-type]


def test_marts_hold_what_positions_say_at_both_clocks_whatever_was_restated(
    filled: Settings,
) -> None:
    reader = LedgerReader(filled)
    restated = reader.restatements()["version"].to_list()
    assert len(restated) == 5
    versions = dict(reader.versions().select("business_date", "version").rows())
    newest = max(versions.values())
    for on in (*ENDS, dt.date(2018, 2, 2)):
        clocks = {versions[on], newest, *restated}
        for known in sorted(version for version in clocks if version >= versions[on]):
            _as_told(reader, "portfolio_daily", PORTFOLIO, on, known)
            _as_told(reader, "collections", COLLECTED, on, known)
            if on in ENDS:
                _as_told(reader, "state", STATE, on, known)
                _as_told(reader, "roll", ROLLED, on, known)


def test_an_outcome_is_the_first_day_of_what_befell_a_loan_as_was_believed(
    filled: Settings,
) -> None:
    reader = LedgerReader(filled)
    keys = dict(reader.query("SELECT loan_id, loan_key FROM loan_keys").rows())
    told = """
        SELECT loan_id, min(business_date) FILTER (WHERE days_past_due >= 30) AS first_30_on,
               min(business_date) FILTER (WHERE days_past_due >= 60) AS first_60_on, min(charged_off_on) AS charged_off_on
        FROM positions p WHERE version <= $known AND business_date <= $on AND NOT EXISTS (
            SELECT 1 FROM restated_loans r WHERE r.loan_id = p.loan_id AND r.version > p.version
              AND r.version <= $known AND p.business_date BETWEEN r.from_date AND r.through_date)
        GROUP BY loan_id ORDER BY loan_id
    """
    for known in reader.versions()["version"].to_list()[::11]:
        for on in (reader.clocks(known_at=known).on, *ENDS):
            if on > reader.clocks(known_at=known).on:
                continue
            rows = reader.mart("outcomes", on, known)
            wanted = reader.query(told, {"on": on, "known": known})
            assert rows.select(wanted.columns).equals(wanted), (on, known)
    last = {keys[row["loan_id"]]: row for row in reader.mart("outcomes", LAST).to_dicts()}
    assert last["B"]["closed_on"] == dt.date(2018, 1, 9)
    # charged off on 10 March at its principal: of 1,200.00 it had paid 57.24
    assert (last["C"]["charged_off_on"], last["C"]["principal_charged_off"]) == (
        dt.date(2018, 3, 10),
        114_276,
    )
    assert last["A-2"]["taken_over_on"] == dt.date(2018, 1, 31)
    recovered = reader.mart("recoveries", LAST.replace(day=20))
    assert recovered.select("loan_id", "amount").rows() == [(last["C"]["loan_id"], 5_000)]


def test_the_cash_flow_of_all_days_is_the_general_ledger(filled: Settings) -> None:
    reader = LedgerReader(filled)
    sums = """
        SELECT entity, product, currency, account, sum(amount)::BIGINT AS balance FROM (
            SELECT *, debit AS account FROM cash_flow UNION ALL BY NAME
            SELECT * REPLACE (-amount AS amount), credit AS account FROM cash_flow)
        WHERE version <= ? GROUP BY ALL HAVING sum(amount) <> 0 ORDER BY ALL
    """
    for version in reader.versions()["version"].to_list()[::29]:
        stored = reader.query(
            "SELECT entity, product, currency, account, balance FROM account_balances "
            "WHERE version = ? AND balance <> 0 ORDER BY ALL", [version]
        )  # fmt: skip
        assert reader.query(sums, [version]).equals(stored)


def test_marts_that_are_made_anew_tell_the_same_as_those_that_grew(
    tmp_path: Path, filled: Settings
) -> None:
    where = copied(filled.home, tmp_path / "home")
    clocks = ((None, None), (ENDS[0], 32), (ENDS[1], 70))
    grown = [LedgerReader(where).mart(mart.name, *at) for mart in MARTS for at in clocks]
    ledger = Ledger(where)
    assert rebuild(ledger, MARTS)["outcomes"] > 0
    assert refresh_marts(ledger) == {mart.name: 0 for mart in MARTS}
    ledger.close()
    anew = [LedgerReader(where).mart(mart.name, *at) for mart in MARTS for at in clocks]
    for mine, theirs in zip(grown, anew, strict=True):
        drop = [name for name in ("version", "business_date") if "since_version" in mine.columns]
        assert mine.drop(drop).equals(theirs.drop(drop))


def test_a_mart_that_does_not_tie_to_the_general_ledger_is_told(
    tmp_path: Path, filled: Settings
) -> None:
    ledger = Ledger(copied(filled.home, tmp_path / "home"))
    assert all(rows.is_empty() for rows in (untied(ledger, name) for name in TIED))
    ledger.connection.execute(f"UPDATE {LAKE}.portfolio_daily SET principal = principal + 1")
    assert untied(ledger, "portfolio_daily")["difference"].sum() > 0
    assert untied(ledger, "cash_flow").is_empty()
    ledger.close()
