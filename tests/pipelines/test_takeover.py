"""A tape of loans that already live, from its file to the ledger and back to the tape."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.catalogue.codes import Kind
from loanbook.core.servicing.changes.migration_in import openings, tied
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import HOME_VARIABLE
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from tests.pipelines.files import drop, rules, take

HEAD = (
    "loan_number,amount_lent,rate_percent,term,instalment,paid_out_on,first_due_date,"
    "principal_outstanding,interest_accrued,principal_overdue,interest_overdue,fees_overdue,"
    "penalties_overdue,credit_balance,past_due_since\n"
)
ROWS = (
    "A-1,12000.00,10.95,36,392.55,2016-12-10,2017-01-10,8500.00,52.31,0,0,0,0,0,\n"
    "A-2,9000.00,12.5,24,425.77,2017-05-15,2017-06-15,6400.10,22.10,700.00,150.50,0,15.00,0,"
    "2017-12-15\n"
    "A-3,5000.00,8,12,434.94,2017-03-20,2017-04-20,1290.00,3.10,0,0,0,0,12.00,\n"
)
BAD = (
    "B-1,5000.00,8,12,434.94,2017-03-20,2017-04-20,5290.00,3.10,0,0,0,0,0,\n"
    "B-2,5000.00,8,12,434.94,2017-03-20,2017-04-20,1290.00,3.10,100.00,0,0,0,0,\n"
    "B-3,5000.00,8,12,434.94,2018-03-20,2018-04-20,1290.00,3.10,0,0,0,0,0,\n"
    "B-4,5000.00,8,12,434.94,2017-03-20,2017-04-20,1290.00,-3.10,0,0,0,0,0,\n"
    "A-1,12000.00,10.95,36,392.55,2016-12-10,2017-01-10,8500.00,52.31,0,0,0,0,0,\n"
)


@pytest.fixture
def closed(new_ledger: Ledger) -> Ledger:
    """Three loans taken over at the end of January 2018, and money of February."""
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-31_migration.csv", HEAD + ROWS + BAD)
    drop(ledger, "payments_2018-02-05.csv",
         "payment_ref,loan_key,amount,currency,value_date\np1,A-2,445.00,USD,2018-02-03\n"
         "p2,A-1,10.00,USD,2018-01-30\n")  # fmt: skip
    take(ledger)
    policies = ledger.register(read_policies())
    for _ in close_days(ledger, policies, missing_days(ledger), provenance(policies)):
        pass
    return ledger


def test_a_loan_number_that_comes_again_is_the_same_loan(new_ledger: Ledger) -> None:
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-31_migration.csv", HEAD + ROWS)
    same, other, _ = ROWS.splitlines(keepends=True)
    other = other.replace(
        "150.50", "150.51"
    )  # of its interest overdue: the books keep what they took over
    drop(ledger, "loan_tape_2018-02-28_migration.csv", HEAD + same + other)
    head = "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    head += "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on\n"
    drop(ledger, "loan_tape_2018-03-01_canonical.csv",
         head + "Z-1,step-up,900.00,5,6,,0,1,months,1,2018-03-01,2018-04-01,,\n"
         "Z-1,seasonal,900.00,5,6,,0,1,months,1,2018-03-01,2018-04-01,,\n")  # fmt: skip
    report = take(ledger)
    assert (report.accepted, report.duplicates, report.quarantined) == (4, 1, 2)
    assert rules(ledger, "loan_tape_2018-02-28_migration.csv") == {3: "idempotency_conflict"}
    assert rules(ledger, "loan_tape_2018-03-01_canonical.csv") == {3: "loan_key_doubled"}
    assert ledger.loan_keys()["loan_key"].n_unique() == ledger.loan_keys().height == 4
    ledger.close()


def test_loans_that_live_already_enter_with_what_they_bring(
    closed: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert rules(closed, "loan_tape_2018-01-31_migration.csv") == {
        5: "opening_principal_beyond_what_was_lent", 6: "arrears_without_their_first_day",
        7: "taken_over_before_it_was_paid_out", 8: "opening_balance_not_an_amount",
        9: "loan_key_doubled",
    }  # fmt: skip
    assert rules(closed, "payments_2018-02-05.csv") == {3: "payment_before_disbursement"}
    reader = LedgerReader(closed.settings)
    first = reader.positions("2018-01-31")
    assert first["days_past_due"].to_list() == [0, 47, 0]
    assert first["instalment_no"].to_list() == [14, 9, 11]
    later = reader.positions("2018-02-05")
    assert later["days_past_due"].to_list()[1] == 52 - 31  # the older half is paid
    policies = closed.register(read_policies())
    assert rebuild(closed, policies).differences.is_empty()
    assert replay_loan(closed, policies, 2).differences.is_empty()
    monkeypatch.setenv(HOME_VARIABLE, str(closed.settings.home))
    to = tmp_path / "tie.csv"
    told = CliRunner().invoke(app, ["migration", "--to", str(to)])
    assert told.exit_code == 0, told.output
    lines = pl.read_csv(to)
    assert lines.height == 3 * 9
    assert lines["ties"].all()
    closed.close()


LINES = (
    "line_number,product,credit_limit,rate_percent,statement_cycles,opened_on,first_statement_on,"
    "balance,interest_accrued,principal_asked,interest_asked,fees_asked,penalties_asked,"
    "credit_balance,past_due_since,statement_unpaid,cash_advances,interest_in_grace,in_grace\n"
    "L-1,card-line,5000.00,18.25,60,2016-12-10,2017-01-10,1500.00,6.30,25.00,0,0,0,0,,1200.00,"
    "500.00,10.50,yes\n"
    "L-2,credit-line,5000.00,18.25,60,2016-12-10,2017-01-10,5200.00,54.60,250.00,70.10,0,0,0,"
    "2017-12-31,5200.00,0,0,No\n"
    "L-3,credit-line,5000.00,18.25,60,2016-12-10,2017-01-10,0,0,0,0,0,0,40.00,,0,0,0,true\n"
)  # fmt: skip
BAD_LINES = (
    "B-1,card-line,5000.00,18.25,60,2016-12-10,2017-01-10,1500.00,0,0,0,0,0,0,,0,1500.01,0,yes\n"
    "B-3,credit-line,5000.00,18.25,60,2016-12-10,2017-01-10,1500.00,0,0,0,0,0,0,,0,1.00,0,yes\n"
    "B-2,card-line,5000.00,18.25,60,2016-12-10,2017-01-10,1500.00,0,0,0,0,0,0,,0,0,0,perhaps\n"
)  # fmt: skip


def test_lines_that_live_already_enter_with_their_statements(new_ledger: Ledger) -> None:
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-31_migration-lines.csv", LINES + BAD_LINES)
    take(ledger)
    assert rules(ledger, "loan_tape_2018-01-31_migration-lines.csv") == {
        5: "more_left_than_the_line_owes", 6: "the_product_has_no_advances",
        7: "grace_not_yes_or_no",
    }  # fmt: skip
    policies = ledger.register(read_policies())
    by = provenance(policies)
    list(close_days(ledger, policies, missing_days(ledger), by))
    head = "command_ref,command,loan_key,value_date,amount,maker,checker,reason\n"
    drop(ledger, "commands_2018-02-12.csv", head
         + "a,pay_out_advance,L-1,2018-02-12,200.00,m-1,c-2,cash_advance\n"
         + "b,pay_out,L-2,2018-02-12,1.00,m-1,c-2,draw\n"
         + "c,pay_out,L-3,2018-02-12,90.00,m-1,c-2,draw\n")  # fmt: skip
    take(ledger)
    assert rules(ledger, "commands_2018-02-12.csv") == {3: "more_than_may_be_lent"}
    list(close_days(ledger, policies, missing_days(ledger), by))
    reader = LedgerReader(ledger.settings)
    on = reader.positions("2018-01-31").sort("loan_id").to_dicts()
    assert [row["days_past_due"] for row in on] == [0, 31, 0]
    later = {row["loan_id"]: row for row in reader.positions("2018-02-12").to_dicts()}
    # the statement of 10 January was due on 4 February and not paid: grace is lost, and all of the
    # cycle's interest is asked on 10 February: 6.30 and 10.50 brought, ten nights at 18.25 and 23.25 %
    nights = round(10 * (100_000 * 0.1825 + 50_000 * 0.2325) / 365)
    assert later[1]["interest_due"] == 630 + 1_050 + nights
    assert (later[1]["cash_advances"], later[1]["principal"]) == (70_000, 170_000)
    assert (later[3]["principal"], later[3]["credit"]) == (5_000, 0)
    brought = openings(
        reader.query("SELECT * FROM events WHERE kind = ?", [Kind.migrated_in.value])
    )
    lines = tied(brought, reader.positions("2018-01-31"))
    assert lines["ties"].all(), lines.filter(~pl.col("ties"))
    assert rebuild(ledger, policies).differences.is_empty()
    for loan in (1, 2, 3):
        assert replay_loan(ledger, policies, loan).differences.is_empty()
    ledger.close()
