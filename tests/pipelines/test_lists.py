"""Lists that people answer for: changes of contracts, what came after an ending, credit, disputes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.catalogue.codes import Status
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import HOME_VARIABLE, Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from tests.conftest import copied, made_once
from tests.pipelines.files import LOANS, MONEY, ORDERS, drop, rules, take, weekly_loan


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Path:
    """Six loans: one is extended, one pays off and is reopened, one pays too much, one is late."""
    return made_once(tmp_path_factory, "lists", lambda home: lived(Ledger(copied(founded, home))))


def lived(ledger: Ledger) -> None:
    policies = ledger.register(read_policies())
    by = provenance(policies)

    def close() -> None:
        take(ledger)
        list(close_days(ledger, policies, missing_days(ledger), by))

    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, "ABCDEF")))
    drop(ledger, "payments_2018-01-05.csv", MONEY + "b1,B,1201.18,USD,2018-01-05\n"
         "c1,C,1300.00,USD,2018-01-05\n")  # fmt: skip
    close()
    head = "A,2018-01-10,,,6,m-1,c-2"
    drop(ledger, "commands_2018-01-10.csv", ORDERS
         + f"x1,extend_term,{head},hardship\n"
         + "x2,charge_fee,B,2018-01-10,25.00,2018-01-10,,m-1,c-2,collection_cost\n"
         + "x3,reopen,D,2018-01-10,,,,m-1,c-2,customer_request\n"
         + "x4,goodwill_credit,E,2018-01-10,9.99,,,m-1,,apology\n"
         + "x5,goodwill_credit,E,2018-01-10,10.00,,,m-1,,apology\n"
         + "x6,extend_term,E,2018-01-10,,,1,m-1,,customer_request\n")  # fmt: skip
    close()
    assert rules(ledger, "commands_2018-01-10.csv") == {
        3: "loan_has_ended", 4: "loan_has_not_ended", 6: "needs_a_second_person",
        7: "needs_a_second_person",
    }  # fmt: skip
    drop(ledger, "commands_2018-01-12.csv", ORDERS
         + "y1,charge_fee,B,2018-01-12,25.00,2018-01-12,,m-1,c-2,collection_cost\n"
         + "y2,reopen,B,2018-01-12,,,,m-1,c-2,customer_request\n")  # fmt: skip
    close()
    drop(ledger, "commands_2018-01-13.csv", ORDERS
         + "z1,charge_fee,C,2018-01-13,25.00,2018-01-13,,m-1,c-2,collection_cost\n"
         + "z2,extend_term,D,2018-01-13,,,3,m-1,c-2,customer_request\n")  # fmt: skip
    drop(ledger, "payments_2018-02-09.csv", MONEY + "b2,B,25.00,USD,2018-02-09\n")
    close()
    drop(ledger, "commands_2018-02-10.csv", ORDERS
         + "w1,extend_term,D,2018-02-10,,,3,m-1,c-2,customer_request\n")  # fmt: skip
    head = ORDERS.strip() + ",start_date,interest\n"
    drop(ledger, "commands_2018-02-11.csv", head
         + "v1,grant_moratorium,E,2018-02-11,,,2,m-1,c-2,hardship,,none\n"
         + "v2,pause_interest,F,2018-02-11,,2018-02-23,,m-1,c-2,hardship,2018-02-13,\n"
         + "v3,pause_delinquency,F,2018-02-11,,2018-04-30,,m-1,c-2,hardship,2018-02-13,\n")  # fmt: skip
    drop(ledger, "commands_2018-02-24.csv", head
         + "u1,resume_delinquency,F,2018-02-24,,,,m-1,c-2,hardship,2018-02-26,\n")  # fmt: skip
    close()
    reader = LedgerReader(ledger.settings)
    keys = dict(ledger.loan_keys().select("loan_key", "loan_id").rows())
    assert rebuild(ledger, policies).differences.is_empty()
    for key in "BD":
        assert replay_loan(ledger, policies, keys[key]).differences.is_empty()
    on = reader.positions("2018-01-12").filter(pl.col("loan_id") == keys["B"])
    assert on["fees_due"].to_list() == [2_500]
    assert on["status"].to_list() == [Status.active.value]
    reader.close()
    ledger.close()


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(home))


def run(*words: str) -> str:
    told = CliRunner().invoke(app, list(words))
    assert told.exit_code == 0, told.output
    return told.output


def test_changes_of_a_loan_are_laid_over_and_valued() -> None:
    (change,) = json.loads(run("schedules", "A", "--json"))
    assert (change["kind"], change["reason"], change["checker"]) == (
        "term_extended",
        "hardship",
        "c-2",
    )
    assert change["forborne"] is True
    assert change["diminished"] is False
    assert len(change["payments"]) == 18
    text = run("schedules", "A")
    assert "Change 1" in text
    assert "contract that it was boarded with" in run("schedules", "C")
    told = CliRunner().invoke(app, ["schedules", "A", "--change", "2"])
    assert told.exit_code != 0


def test_a_change_of_a_late_loan_is_forbearance(tmp_path: Path) -> None:
    to = tmp_path / "changes.csv"
    run("modifications", "--to", str(to))
    rows = pl.read_csv(to).sort("value_date", "loan_id")
    late = rows.filter(pl.col("value_date") == "2018-02-10")
    assert late["most_days_past_due"].to_list() == [31]
    assert rows["forborne"].to_list() == [True, False, True, True, True]
    assert run("modifications", "--as-of", "2018-01-03") == (
        "No contract was changed, as of 2018-01-03, version 2.\n"
    )


def test_what_came_for_a_loan_that_had_ended_is_listed(home: Path) -> None:
    reader = LedgerReader(Settings(home=home))
    rows = reader.after_closure()
    told = rows.select("event", "booking_date", "closed_on", "actor", "checker").rows()
    day, closed = dt.date(2018, 1, 12), dt.date(2018, 1, 5)
    assert set(told) == {
        ("charge_assessed", day, closed, "m-1", "c-2"), ("reopened", day, closed, "m-1", "c-2"),
    }  # fmt: skip
    assert reader.after_closure("2018-01-11").is_empty()
    ended = reader.query("SELECT closed_on FROM endings_now")["closed_on"].to_list()
    assert ended == [dt.date(2018, 2, 9)]  # B, again
    assert "after an ending" in run("after-closure")
    reader.close()


def test_credit_balances_are_listed_with_their_age() -> None:
    text = run("credits")
    assert "1 loan with credit" in text
    assert "0.00 of it for 6 months" in text
    reader = LedgerReader(Settings.from_environment(Path()))
    (row,) = reader.credits().to_dicts()
    assert row["since"] == dt.date(2018, 1, 16)  # the fee was met on its due date
    assert row["months"] == 1
    assert row["credit"] == 130_000 - 120_000 - 118 - 2_500
    reader.close()


def test_a_dispute_pack_has_the_path_of_every_cent_and_its_proof(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    run("dispute", "B", "--to", str(first))
    run("dispute", "B", "--to", str(second))
    manifest = json.loads((first / "manifest.json").read_text())
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()
    for each in manifest["files"]:
        data = (first / each["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == each["sha256"]
    assert {p.name for p in first.iterdir()} == {f["file"] for f in manifest["files"]} | {
        "manifest.json"
    }
    text = (first / "explanation.txt").read_text()
    assert "two people let orders enter" in text
    assert "stands at principal 0.00" in text
    assert json.loads((first / "replay.json").read_text())["cells_that_differ"] == 0
    assert pl.read_csv(first / "events.csv")["kind"].to_list()[-2:] == [
        "reopened",
        "payment_received",
    ]
    moved = pl.read_csv(first / "transfers.csv").filter(pl.col("credit") == "fee_income")
    assert moved["amount"].to_list() == [25.00]
    assert (first / "explanation.pdf").read_bytes()[:5] == b"%PDF-"
    told = CliRunner().invoke(app, ["dispute", "B", "--as-of", "2030-01-01", "--to", str(first)])
    assert told.exit_code != 0


def test_arrangements_start_and_stop_and_have_their_credit_report_code(home: Path) -> None:
    reader = LedgerReader(Settings(home=home))
    keys = dict(reader.query("SELECT loan_key, loan_id FROM loan_keys").rows())
    policy = {i: ["hardship"] for i in range(40)}

    def told(on: str) -> dict[tuple[str, str], tuple[dt.date, dt.date | None, str | None]]:
        names = {number: key for key, number in keys.items()}
        return {
            (names[r["loan_id"]], r["kind"]): (r["starts"], r["stops"], r["credit_report_code"])
            for r in reader.relief(on, None, policy).sort("starts").to_dicts()
        }

    on = told("2018-02-21")
    assert on["E", "moratorium_granted"] == (dt.date(2018, 2, 11), dt.date(2018, 2, 20), None)
    assert on["F", "interest_paused"] == (dt.date(2018, 2, 13), dt.date(2018, 2, 23), "CP")
    assert on["F", "delinquency_paused"] == (dt.date(2018, 2, 13), dt.date(2018, 4, 30), "CP")
    assert on["A", "term_extended"] == (dt.date(2018, 1, 10), None, "AC")
    assert told("2018-02-15")["E", "moratorium_granted"][1:] == (None, "CP")
    later = told("2018-02-24")
    assert later["F", "interest_paused"][2] is None
    assert later["F", "delinquency_paused"] == (dt.date(2018, 2, 13), dt.date(2018, 2, 26), "CP")
    assert "arrangements" in run("hardship")
    reader.close()
