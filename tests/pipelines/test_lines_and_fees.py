"""Lines of credit, fees by place and ceilings by law, from the files that a lender drops."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.replay.replay import replay
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from tests.pipelines.files import LOANS, drop, rules, take

COMMANDS = (
    "command_ref,command,loan_key,value_date,amount,target_ref,instalments,maker,checker,reason\n"
)


def loan(key: str, product: str, amount: str, rate: str, place: str = "", drawn: str = "",
         unit: str = "months") -> str:  # fmt: skip
    return (f"{key},{product},{amount},{rate},24,,0,1,{unit},1,2018-01-02,2018-02-02,,,"
            f"{place},{drawn}\n")  # fmt: skip


def order(ref: str, command: str, key: str, amount: str = "", target: str = "", n: str = "",
          why: str = "customer_request") -> str:  # fmt: skip
    return f"{ref},{command},{key},2018-01-06,{amount},{target},{n},maker-1,checker-2,{why}\n"


def test_lines_fees_and_ceilings_from_files(new_ledger: Ledger) -> None:
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS
         + loan("L-1", "credit-line", "5000.00", "18", drawn="1000.00")
         + loan("C-1", "covered-borrower", "2000.00", "35.9")
         + loan("C-2", "covered-borrower", "2000.00", "12", "US-MA")
         + loan("C-3", "covered-borrower", "2000.00", "12", "US-TX")
         + loan("C-4", "covered-borrower", "2000.00", "12", "Texas")
         + loan("L-2", "credit-line", "5000.00", "18", drawn="5000.01")
         + loan("L-3", "credit-line", "5000.00", "18", unit="weeks")
         + loan("L-4", "credit-line", "5000.00", "18")
         + loan("L-5", "card-line", "5000.00", "18"))  # fmt: skip
    drop(ledger, "payments_2018-01-04.csv",
         "payment_ref,loan_key,amount,currency,value_date\n"
         "P2,C-2,50.00,USD,2018-01-04\nP3,C-3,50.00,USD,2018-01-04\n")  # fmt: skip
    take(ledger)
    assert rules(ledger, "loan_tape_2018-01-02_canonical.csv") == {
        3: "apr_above_the_ceiling", 6: "jurisdiction_not_a_code", 7: "drawn_beyond_the_limit",
        8: "line_without_months_as_its_cycle",
    }  # fmt: skip
    policies = ledger.register(read_policies())
    by = provenance(policies)
    list(close_days(ledger, policies, missing_days(ledger), by))
    drop(ledger, "commands_2018-01-06.csv", COMMANDS
         + order("a", "pay_out", "L-1", "4000.01")
         + order("b", "pay_out", "L-4", "3000.00")
         + order("c", "pay_out", "L-4", "2000.01")
         + order("d", "change_limit", "L-4", "8000.00")
         + order("e", "extend_term", "L-4", n="3")
         + order("f", "change_limit", "C-2", "8000.00")
         + order("g", "reverse", "C-2", target="P2", why="insufficient_funds")
         + order("i", "pay_out_advance", "L-4", "10.00")
         + order("j", "pay_out_advance", "L-5", "700.00")
         + order("h", "reverse", "C-3", target="P3", why="insufficient_funds"))  # fmt: skip
    report = take(ledger)
    assert report.accepted == 5
    assert rules(ledger, "commands_2018-01-06.csv") == {
        2: "more_than_may_be_lent", 4: "more_than_may_be_lent", 6: "a_line_has_no_schedule",
        7: "no_line_of_credit", 9: "the_product_has_no_advances",
    }  # fmt: skip
    for day in missing_days(ledger):
        list(close_days(ledger, policies, [day], by))
    keys = dict(ledger.loan_keys().select("loan_key", "loan_id").rows())
    reader = LedgerReader(ledger.settings)
    stands = {row["loan_id"]: row for row in reader.query(
        "SELECT * FROM positions WHERE business_date = (SELECT max(business_date) FROM positions)"
    ).to_dicts()}  # fmt: skip
    assert stands[keys["L-4"]]["principal"] == 300_000
    assert stands[keys["L-1"]]["principal"] == 100_000
    assert stands[keys["L-5"]]["cash_advances"] == stands[keys["L-5"]]["principal"] == 70_000
    assert stands[keys["C-3"]]["fees_due"] == 2_500
    assert stands[keys["C-2"]]["fees_due"] == 0  # the law of its place forbids the fee
    fees = reader.query("SELECT actor, reason FROM events WHERE kind = ?", [Kind.charge_assessed])
    assert fees.rows() == [("policy:fees/returned-payment@1", "returned_payment")]
    for key in ("L-4", "L-5", "C-3"):
        assert replay_loan(ledger, policies, keys[key]).differences.is_empty()
    assert rebuild(ledger, policies).differences.is_empty()
    events = ledger.frame("SELECT * FROM {lake}.events").filter(pl.col("loan_id") == keys["L-4"])
    last = dt.date(2018, 1, 6)
    told = explain(replay(events, policies, last), policies, keys["L-4"], last)
    assert told.accounted
    assert any("another limit" in line.what for line in told.lines)
    ledger.close()
