"""What people read of a ledger: a row a loan, names, money in units, events, what was restated."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.views import FIGURES, restated_figures
from loanbook.pipelines.cli import app


def test_a_row_a_loan_also_of_one_that_ended(ran: Settings, restated: LedgerReader) -> None:
    reader = LedgerReader(ran)
    loans = reader.loans()
    boarded = reader.query("SELECT count(DISTINCT loan_id) AS n FROM loans")["n"][0]
    assert loans.height == loans["loan_id"].n_unique() == boarded
    ended = loans.filter(pl.col("closed_on").is_not_null())
    assert ended.height > 0
    assert set(ended["state"]) <= {"closed", "settled", "written_off"}
    assert set(loans["currency"]) == {"USD"}
    assert set(loans["product"]) == {"lendingclub-personal@1"}
    view = reader.sql("SELECT * FROM loan_register ORDER BY loan_id")
    assert view.equals(loans)


def test_positions_joined_to_the_register_count_no_loan_twice(ran: Settings) -> None:
    reader = LedgerReader(ran)
    total = int(reader.positions()["principal"].sum())
    found = reader.sql(
        "SELECT sum(p.principal)::BIGINT AS n FROM positions_at('2018-02-14', 4000000) p "
        "JOIN loan_register USING (loan_id)"
    )
    assert found["n"][0] == total
    by_name = reader.sql(
        "SELECT sum(principal)::BIGINT AS n FROM positions_named "
        "WHERE business_date = '2018-02-14' AND currency = 'USD'"
    )
    assert by_name["n"][0] == total


def test_loans_as_they_stood_on_a_date(restated: LedgerReader) -> None:
    before = restated.loans("2018-01-08").select("loan_key", "state", "closed_on").rows()
    assert before == [(key, "active", None) for key in "ABCY"]
    on = restated.loans("2018-01-09").filter(pl.col("loan_key") == "B")
    assert on["state"].item() in {"closed", "overpaid"}
    early = restated.loans("2018-01-02")
    assert early.height == 4


def test_names_and_units_on_demand(restated: LedgerReader) -> None:
    plain = restated.positions("2018-01-08")
    rich = restated.positions("2018-01-08", names=True, units=True)
    assert plain["principal"].dtype == pl.Int64
    assert plain["status"].dtype == pl.Int8
    assert rich["principal"].dtype == pl.Decimal(38, 3)
    told = {key: (cur, status, money) for key, cur, status, money in rich.select(
        "loan_key", "currency", "status", "principal").rows()}  # fmt: skip
    assert told["A"] == ("USD", "active", Decimal("1200.000"))
    assert told["Y"] == ("JPY", "active", Decimal("120000.000"))
    assert rich["loan_id"].equals(plain["loan_id"])
    terms = restated.loans(units=True)
    assert terms["principal_agreed"].to_list()[:1] == [Decimal("1200.000")]


def test_payments_say_what_they_paid(restated: LedgerReader) -> None:
    paid = restated.payments(names=True)
    parts = pl.sum_horizontal(
        "principal", "interest", "fees", "penalties", "taxes", "credit", "recovered"
    )
    standing = paid.filter("stands")
    assert standing.height > 0
    assert standing.filter(parts != pl.col("amount")).is_empty()
    assert set(paid["kind"]) == {"payment_received"}
    assert dict(paid.select("source_ref", "stands").rows()) == {
        "a1": True, "b1": True, "c1": False, "c2": True,
    }  # fmt: skip
    assert paid.filter(~pl.col("stands") & (parts != 0)).is_empty()


def test_both_clocks_of_events(restated: LedgerReader) -> None:
    version, _ = restated.version_of("2018-01-09")
    then = restated.payments("2018-01-09", known_at=version)
    now = restated.payments("2018-01-09")
    assert set(then["source_ref"]) == {"b1", "c1"}
    assert set(now["source_ref"]) == {"a1", "b1", "c1"}
    kinds = restated.events(kinds=["disbursed"], names=True)
    assert set(kinds["kind"]) == {"disbursed"}
    assert kinds.height == 4
    one = restated.events(loans=[int(now["loan_id"][0])])
    assert one["loan_id"].n_unique() == 1
    with pytest.raises(ValueError, match="no kind of event"):
        restated.events(kinds=["paid"])


def test_what_a_restating_version_changed_and_why(restated: LedgerReader) -> None:
    rows = restated.restatements()
    first = rows.row(0, named=True)
    assert first["business_date"] == dt.date(2018, 1, 12)
    assert (first["first_date"], first["last_date"]) == (dt.date(2018, 1, 9), dt.date(2018, 1, 11))
    late = restated.payments().filter(pl.col("source_ref") == "a1")
    assert first["event_ids"] == late["event_id"].to_list()
    assert first["loan_ids"] == late["loan_id"].to_list()
    assert first["loans"] == 1
    second = rows.row(1, named=True)
    reversal = restated.events(kinds=["reversal"])
    assert second["event_ids"] == reversal["event_id"].to_list()
    assert second["first_date"] == dt.date(2018, 1, 9)
    assert restated.sql("SELECT * FROM restatements ORDER BY version").equals(rows)


def test_a_loan_that_comes_late_is_restated_by_the_figures_that_it_has() -> None:
    """What is zero of it was not said otherwise before: its principal, and what is owed or late, is told."""
    day = dt.date(2018, 1, 9)
    row = {"version": 9, "booked": day, "loan_id": 1, "first_date": day, "last_date": day, "on": day,
           "said_by": 8, "event_ids": [1]}  # fmt: skip
    said = {f"said_{name}": None for name in FIGURES}
    now = {f"now_{name}": 0 for name in FIGURES} | {
        "now_principal": 5000,
        "now_interest_accrued": 12,
    }
    paid_off = row | {"loan_id": 2} | said | now | {"now_principal": 0, "now_interest_accrued": 0}
    rows = restated_figures(pl.DataFrame([row | said | now, paid_off], infer_schema_length=None))
    assert rows.select("loan_id", "figure", "said", "now", "difference").rows() == [
        (1, "principal", None, 5000, 5000), (1, "interest_accrued", None, 12, 12), (2, "principal", None, 0, 0),
    ]  # fmt: skip


def test_a_ledger_without_restatements_has_an_empty_list_of_them(ran: Settings) -> None:
    rows = LedgerReader(ran).restatements()
    assert rows.columns == ["version", "business_date", "first_date", "last_date", "loans",
                            "loan_ids", "event_ids"]  # fmt: skip


def test_the_views_are_listed(ran: Settings) -> None:
    reader = LedgerReader(ran)
    names = reader.tables()
    assert {"loan_register", "positions_named", "restatements", "currency_names"} <= set(names)
    assert {"positions_now", "allocations_now", "event_kinds", "status_names"} <= set(names)
    assert all(reader.sql(f"SELECT * FROM {name} LIMIT 1").width for name in names)


def test_sql_for_other_programs(ran: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(ran.home))
    query = (
        "SELECT loan_id, 'a, b' AS text, 1.10::DECIMAL(9,2) AS money, [loan_id, 2] AS pair, "
        "NULL::DATE AS nothing FROM loan_register WHERE loan_id = 7"
    )
    told = CliRunner().invoke(app, ["sql", "--json", query])
    assert json.loads(told.output) == [
        {"loan_id": 7, "text": "a, b", "money": "1.10", "pair": [7, 2], "nothing": None}
    ]
    told = CliRunner().invoke(app, ["sql", "--csv", query])
    assert told.output == ('loan_id,text,money,pair,nothing\n7,"a, b",1.10,"[7, 2]",\n')
    told = CliRunner().invoke(app, ["sql", "--csv", "show"])
    assert "loan_register" in told.output.splitlines()


def test_delinquency_reads_in_every_convention_what_the_positions_say(
    restated: LedgerReader,
) -> None:
    states = restated.delinquency_states()
    late = restated.positions().filter(pl.col("days_past_due") > 0)
    both = late.join(states, on="loan_id")
    assert both.height == late.height > 0
    assert both["days_after_due"].equals(both["days_past_due"])
    assert (both["rbi_days"] == both["days_past_due"] + 1).all()
    keys = restated.loans().select("loan_key", "loan_id")
    yen = int(dict(keys.rows())["Y"])  # nobody pays, and no day of it was restated
    assert yen in late["loan_id"]
    one = restated.delinquency_states(loan_id=yen)
    lived = restated.query("SELECT count(*) AS n FROM positions WHERE loan_id = ?", [yen])
    assert one.height == lived["n"][0]
    assert one.tail(1).equals(states.filter(pl.col("loan_id") == yen))


def test_days_of_grace_by_product_do_not_count_as_delinquent(restated: LedgerReader) -> None:
    products = restated.query("SELECT DISTINCT product FROM loan_keys")["product"].to_list()
    plain = restated.delinquency()
    graced = restated.delinquency(grace_days=dict.fromkeys(products, 3))
    assert plain.height > 0
    expected = (plain["delinquent_days"] - 3).clip(lower_bound=0)
    assert graced["delinquent_days"].to_list() == expected.to_list()
