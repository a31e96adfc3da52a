"""What a role sees of the ledger: rows, columns, SQL of its own; and what gets round none of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loanbook.core.access.actor import AccessError
from loanbook.core.access.deciding import Reading
from loanbook.core.errors import LedgerError
from loanbook.core.store.guarded.running import bounded
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.guarded.statement import StatementError
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.views import NAMES
from loanbook.core.store.writer import Ledger
from tests.conftest import copied, made_once
from tests.pipelines.files import LOANS, MONEY, ORDERS, close_landed, drop, take, weekly_loan

PLACES = {"A1": "US-CA", "B2": "US-NY", "C3": "US-CA", "D4": ""}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Settings:
    """Four loans: two in California, one in New York, one of yen that is nowhere; one pays late, one is waived."""

    def found(home: Path) -> None:
        ledger = Ledger(copied(founded, home))
        lines = [
            weekly_loan(key).replace(",,,,\n", f",,,{place},\n") for key, place in PLACES.items()
        ]
        lines[3] = lines[3].replace("instalment-act365,1200.00", "instalment-jpy,120000")
        drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(lines))
        drop(
            ledger,
            "payments_2018-01-03.csv",
            MONEY + "p1,A1,50.00,USD,2018-01-03\np2,B2,60.00,USD,2018-01-03\n",
        )
        drop(ledger, "commands_2018-01-04.csv", ORDERS + "o1,charge_fee,B2,2018-01-04,9.99,2018-01-16,,m-1,c-2,"
             "hardship\n")  # fmt: skip
        take(ledger)
        close_landed(ledger)
        drop(
            ledger,
            "payments_2018-01-05.csv",
            MONEY + "p3,B2,5.00,USD,2018-01-03\np4,C3,7.00,USD,2018-01-03\n",
        )
        take(ledger)
        close_landed(ledger)
        ledger.close()

    return Settings(home=made_once(tmp_path_factory, "scoped", found))


def seeing(
    book: Settings, *rows: dict[str, set[str]], masks: dict[str, str] | None = None
) -> LedgerReader:
    fits = tuple({name: frozenset(values) for name, values in each.items()} for each in rows) or (
        {},
    )
    return LedgerReader(book, Shown(Reading(rows=fits, masks=masks or {}), "salt"))


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        ([{"region": {"US-CA"}, "account": {"A1", "B2"}}], {"A1"}),
        ([{"region": {"US-NY"}}, {"product": {"instalment-jpy"}}], {"B2", "D4"}),
        ([{"region": {"'; DROP TABLE loans; --", "us-ca", "US"}}], set()),
        ([], set(PLACES)),
    ],
)
def test_no_view_macro_frame_or_query_shows_a_row_that_the_roles_hide(
    book: Settings, rows: list[dict[str, set[str]]], keys: set[str]
) -> None:
    reader = seeing(book, *rows)
    ids = set(
        LedgerReader(book).query("SELECT loan_id, loan_key FROM loan_keys")
        .filter(pl.col("loan_key").is_in(keys))["loan_id"]
    )  # fmt: skip
    frames = {"positions": reader.positions(), "dues": reader.dues(), "events": reader.events(),
              "payments": reader.payments(), "loans": reader.loans(), "held": reader.held(),
              "old": reader.positions("2018-01-03", 2), "restated": reader.restated()}  # fmt: skip
    whole, denied, refused = LedgerReader(book), set(), set()
    for name in NAMES:
        for read in (reader.query, reader.sql):
            try:
                frames[f"{read.__name__} {name}"] = read(f"SELECT * FROM {name}")
            except AccessError as error:
                denied.add(str(error).partition(";")[0].removeprefix(name))
                refused.add(name)
        if not rows:
            assert frames[f"query {name}"].height == whole.query(f"FROM {name}").height
    assert denied == ({" tells of all loans, and your roles read some alone"} if rows else set())
    hidden = {"quarantine", "checks", "files", "account_balances", "portfolio_daily", "policies"}
    assert (
        hidden <= refused if rows else not refused
    )  # some of them are empty, and say so all the same
    for name, frame in frames.items():
        if "loan_id" in frame.columns:
            assert set(frame["loan_id"]) <= ids | ({0} if not rows else set()), name
        if "loan_key" in frame.columns:
            assert set(frame["loan_key"]) <= keys, name
    assert set(frames["sql loan_keys"]["loan_key"]) == keys
    assert set(frames["positions"]["loan_id"]) == ids
    versions = frames["query versions"]
    assert versions.height > 0
    assert (versions["control_totals"].null_count() == versions.height) == bool(rows)


def test_what_is_masked_shows_nothing_of_it_and_tokens_still_join(book: Settings) -> None:
    reader = seeing(
        book,
        masks={"loan_keys.loan_key": "token", "events.payload": "nothing", "*.reason": "last_four"},
    )
    told = reader.sql(
        "SELECT k.loan_key, e.payload, e.reason, r.loan_key AS again, count(*) OVER () AS n "
        "FROM events e JOIN loan_keys k USING (loan_id) JOIN loan_register r USING (loan_id)"
    )
    assert told.height == LedgerReader(book).events().height
    assert told["payload"].null_count() == told.height
    assert set(told["reason"].drop_nulls()) == {"…ship"}
    assert told["loan_key"].equals(told["again"])
    assert told["loan_key"].n_unique() == len(PLACES)
    assert told["loan_key"].str.starts_with("t_").all()
    other = LedgerReader(book, Shown(Reading(masks={"loan_keys.loan_key": "token"}), "another"))
    assert set(other.sql("SELECT loan_key FROM loan_keys")["loan_key"]).isdisjoint(told["loan_key"])
    found = reader.sql("SELECT count(*) AS n FROM loan_keys WHERE loan_key IN ('A1', 'B2')")
    assert found["n"][0] == 0  # a condition sees what is shown
    assert reader.positions().equals(LedgerReader(book).positions())  # figures are as they are


def test_a_condition_that_fails_tells_nothing_of_rows_that_are_hidden(book: Settings) -> None:
    reader = seeing(book, {"region": {"US-CA"}})
    for column, table in (
        ("loan_key", "loan_keys"),
        ("source_ref", "events"),
        ("reason", "events"),
    ):
        for query in (
            f"SELECT * FROM {table} WHERE CAST({column} AS INTEGER) > 0",
            f"SELECT * FROM {table} WHERE error({column}) IS NULL",
            f"SELECT max(CAST({column} AS DATE)) FROM {table}",
        ):
            said = ""
            try:
                reader.sql(query)
            except (LedgerError, AccessError) as error:
                said = str(error)
            assert not any(hidden in said for hidden in ("B2", "D4", "p2", "p3", "o1")), said


REFUSED = (
    "SELECT * FROM read_csv('/etc/hostname')", "SELECT * FROM '/etc/hostname'",
    "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM glob('/etc/*')", "SELECT * FROM sqlite_scan('x', 'y')",
    "SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('positions')",
    "SELECT * FROM json_execute_serialized_sql('x')", "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()", "SELECT * FROM pragma_database_list", "SELECT * FROM sqlite_master",
    "SELECT * FROM information_schema.tables", "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM _lake.main.positions", "SELECT * FROM _lake.positions", 'SELECT * FROM "_LAKE".positions',
    "SELECT * FROM __ducklake_metadata__lake.ducklake_data_file", "SELECT * FROM _scope",
    "SELECT * FROM ducklake_snapshots('_lake')", "SELECT * FROM positions AT (VERSION => 1)",
    "SELECT getenv('HOME')", "SELECT current_setting('home_directory')", "SELECT getvariable('x')",
    "SELECT write_log('x')", "SELECT sleep_ms(1)", "SELECT main.getenv('HOME')",
    "SELECT system.main.getenv('HOME')", "SELECT list_transform([1], x -> getenv('HOME'))",
    "SELECT (SELECT getenv('HOME'))", "SELECT 1 WHERE EXISTS (SELECT 1 FROM sqlite_master)",
    "SELECT 1 FROM positions ORDER BY getenv('HOME')", "SELECT sum(length(getenv('HOME'))) OVER ()",
    "WITH x AS (SELECT * FROM read_csv('/etc/hostname')) SELECT * FROM x",
    "WITH sqlite_master AS (SELECT 1) SELECT * FROM sqlite_master",
    "SELECT * FROM (WITH sqlite_master AS (SELECT 1 AS a) SELECT a FROM sqlite_master), sqlite_master",
    'WITH "/etc/hostname" AS (SELECT 1) SELECT * FROM "/etc/hostname"',
    "SELECT 1; SELECT 2", "SELECT ?", "SHOW TABLES", "SHOW ALL TABLES", "PRAGMA database_list",
    "SET memory_limit = '1TB'", "ATTACH 'x' AS y", "COPY (SELECT 1) TO '/tmp/x'", "INSTALL httpfs",
    "CREATE TABLE x AS SELECT 1", "DROP VIEW positions", "CALL _lake.set_option('a', 'b')",
    "EXPLAIN SELECT 1", "DESCRIBE sqlite_master", "SUMMARIZE SELECT * FROM '/etc/hostname'", "", "SELEC 1",
)  # fmt: skip
"""What was tried to get round the views."""
ALLOWED = (
    "SELECT count(*) FROM positions", "FROM positions SELECT loan_id", "SUMMARIZE positions",
    "DESCRIBE SELECT * FROM events", "SELECT * FROM positions_at(DATE '2018-01-03', 2)",
    "WITH x AS (SELECT 1 AS a) SELECT a, row_number() OVER (ORDER BY a) FROM x UNION ALL SELECT 2, 3 ORDER BY 1",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t",
    "SELECT x[1], {'a': 1}.a, DATE '2018-01-01' + INTERVAL 1 DAY FROM (SELECT [1, 2] AS x)",
    "SELECT * EXCLUDE (payload), payload->>'$.due_date' FROM events",
    "SELECT status, sum(principal) FILTER (WHERE days_past_due > 0) FROM positions GROUP BY ALL",
    "SELECT * FROM (SELECT currency, amount FROM events) PIVOT (sum(amount) FOR currency IN (0, 1))",
    "SELECT d::DATE FROM range(DATE '2018-01-01', DATE '2018-01-03', INTERVAL 1 DAY) t(d), unnest([1]) u(x)",
    "SELECT p.loan_id FROM positions p ASOF JOIN dues d USING (loan_id, business_date)", "VALUES (1, now(), current_date)",
)  # fmt: skip


def test_sql_of_ones_own_reads_the_views_and_nothing_else(book: Settings) -> None:
    reader = LedgerReader(book)
    for query in ALLOWED:
        assert reader.sql(query).width > 0, query
    for query in REFUSED:
        with pytest.raises(StatementError):
            reader.sql(query)
    with pytest.raises(
        Exception, match="locked|disabled|Permission"
    ):  # behind the words: the connection
        reader.query("SELECT * FROM read_csv('/etc/hostname')")
    with pytest.raises(Exception, match="locked"):
        reader.query("SET enable_external_access = true")
    assert reader.positions().height == len(PLACES)  # the ledger's own files are still read


_WORDS = st.lists(
    st.sampled_from(
        ["SELECT", "*", "FROM", "positions", "loan_keys", "_lake.main.events", "'/etc/hostname'", "(", ")", ",",
         "WITH x AS", "x", "UNION ALL", "read_text", "getenv", "('HOME')", "WHERE", "1", "JOIN", "ON true",
         "information_schema.tables", "_scope", "loan_key", "sqlite_master", "LIMIT 3"]
    ), max_size=14,
).map(" ".join)  # fmt: skip
_PLACES = st.sampled_from(
    ["positions", "loans", "loan_keys", "events_now", "_lake.main.events", "_scope", "sqlite_master",
     "read_text('/etc/hostname')", "information_schema.tables", "duckdb_views()", "(SELECT * FROM loan_keys)"]
)  # fmt: skip
_STATEMENTS = st.builds(
    "SELECT {0} FROM {1} {2}".format,
    st.sampled_from(["*", "x.*", "loan_key", "count(*), any_value(loan_key)", "getenv('HOME')", "CAST(x AS VARCHAR)"]),
    st.one_of(_PLACES.map("{} x".format), st.builds("{} x, {} y".format, _PLACES, _PLACES)),
    st.sampled_from(["", "WHERE 1", "WHERE loan_key = 'B2'", "UNION ALL SELECT * FROM loan_keys", "LIMIT 3"]),
)  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(_WORDS, _STATEMENTS))
@example("SELECT * FROM loan_keys x ")
@example("SELECT '/etc/hostname'")
def test_no_query_made_of_any_words_shows_what_is_hidden(book: Settings, query: str) -> None:
    try:
        rows = _kept(book).sql(query)
    except (LedgerError, AccessError):
        return
    shown = {str(cell) for column in rows.get_columns() for cell in column}
    assert not [cell for cell in shown if re.search(r"\b(B2|D4)\b", cell)]
    assert not shown & {Path("/etc/hostname").read_text(), os.environ["HOME"]}


_READERS: dict[str, LedgerReader] = {}


def _kept(book: Settings) -> LedgerReader:
    return _READERS.setdefault("ca", seeing(book, {"region": {"US-CA"}}))


def test_a_query_has_bounds_of_time_and_of_what_it_answers(book: Settings) -> None:
    connection = LedgerReader(book).lake().connection
    with pytest.raises(LedgerError, match="ran longer"):
        bounded(connection, "SELECT count(*) FROM range(1000000000) a, range(10000) b", seconds=0.2)
    with pytest.raises(LedgerError, match="larger than"):
        bounded(connection, "SELECT * FROM range(10000000)", answer=10**6)
