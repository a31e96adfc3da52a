"""A new component costs a row of the catalogue, its accounts and a migration: orders, waterfalls, laws,
the ledger, marts and reports know it from there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.extending.product_copy import insert, product_copy, run

ROW = """    insurance = (
        5,
        Row(
            part="insurance",
            meaning="Insurance premiums charged and unpaid",
            due="insurance_due",
            receivable="insurance_receivable",
            loss="fee_charged_off",
            booked_to="insurance_payable",
            by_order=True,
            paid_after="fee",
        ),
    )

"""
MIGRATION = '''"""Insurance premiums."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the column."""
    add(connection, "positions", "insurance_due BIGINT DEFAULT 0")


def check(connection: Connection) -> None:
    """The column is there."""
    must_have(connection, "positions", "insurance_due")
'''
TAPE = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
    "A-1,instalment-act365,1200.00,12,12,,0,3,days,1,2018-01-02,2018-01-05,,,,\n"
    "A-2,instalment-act365,1200.00,12,12,,0,3,days,1,2018-01-02,2018-01-05,,,,\n"
)
ORDERS = (
    "command_ref,command,loan_key,value_date,amount,due_date,maker,checker,reason\n"
    "i1,charge_insurance,A-1,2018-01-03,30.00,2018-01-04,maker-1,checker-2,insured\n"
    "i2,charge_insurance,A-2,2018-01-03,30.00,2018-01-04,maker-1,checker-2,insured\n"
    "f1,charge_fee,A-1,2018-01-03,5.00,2018-01-04,maker-1,checker-2,dispatched\n"
    "o2,charge_off,A-2,2018-01-07,,,maker-1,checker-2,uncollectable\n"
)
MONEY = (
    "payment_ref,loan_key,amount,currency,value_date\n"
    "p1,A-1,25.00,USD,2018-01-06\n"
)  # fmt: skip
LIFE = """
import json
from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.commands.loans.loan import show_loan
from loanbook.pipelines.commands.loans.figures import explain, payoff
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import open_instance, provenance
from loanbook.pipelines.servicing.days import close_days, missing_days

ledger, policies = open_instance()
take_in(ledger, policies, "canonical", correlation_id="test")
for _ in close_days(ledger, policies, missing_days(ledger), provenance(policies)):
    pass
refresh_marts(ledger)
reader = LedgerReader(ledger.settings)

def rows(sql):
    return [list(row) for row in reader.query(sql).rows()]

print(json.dumps({
    "due": dict(rows("SELECT business_date::VARCHAR, insurance_due FROM positions_now p "
                     "JOIN loan_keys k USING (loan_id) WHERE k.loan_key = 'A-1'")),
    "fees": rows("SELECT fees_due FROM positions_now p JOIN loan_keys k USING (loan_id) "
                 "WHERE k.loan_key = 'A-1' AND business_date = '2018-01-07'"),
    "paid": reader.payments().select("fees", "insurance", "credit").rows(),
    "accounts": rows("SELECT d.name AS debit, c.name AS credit, sum(amount)::BIGINT FROM transfers t "
                     "JOIN account_roles d ON d.code = t.debit "
                     "JOIN account_roles c ON c.code = t.credit "
                     "WHERE 'insurance_receivable' IN (d.name, c.name) GROUP BY ALL ORDER BY ALL"),
    "overdue": dict(rows("SELECT business_date::VARCHAR, sum(overdue)::BIGINT "
                         "FROM portfolio_daily GROUP BY ALL")),
    "interest": dict(rows("SELECT business_date::VARCHAR, sum(principal_due + interest_due)::BIGINT "
                          "FROM positions_now GROUP BY ALL")),
    "refused": rows("SELECT rule FROM quarantine"),
}))
ledger.close()
explain("A-1")
payoff("A-1")
show_loan("A-1")
"""


def with_insurance(folder: Path) -> Path:
    """A copy of the product that knows one component more: a row, two accounts, a migration."""
    root = product_copy(folder)
    insert(root / "core" / "catalogue" / "components.py", "    @property\n    def part(", ROW)
    accounts = root / "core" / "catalogue" / "accounts.py"
    insert(accounts, ")  # fmt: skip", '    "insurance_receivable", "insurance_payable",\n')
    for chart in (root / "data" / "policies" / "accounts").glob("*.yaml"):
        insert(
            chart, "  tax_payable:", '  insurance_receivable: "1160"\n  insurance_payable: "2310"\n'
        )
    migrations = root / "core" / "store" / "migrations"
    number = len(list(migrations.glob("[0-9]*.py"))) + 1
    (migrations / f"{number:04}_insurance.py").write_text(MIGRATION, encoding="utf-8")
    return root


def test_a_component_is_a_row_two_accounts_and_a_migration(tmp_path: Path) -> None:
    root, home = with_insurance(tmp_path), tmp_path / "home"
    run(root, ["init", str(home), "--entity", "Made-up lender"])
    (home / "landing" / "loan_tape_2018-01-02_canonical.csv").write_text(TAPE)
    (home / "landing" / "commands_2018-01-07.csv").write_text(ORDERS)
    (home / "landing" / "payments_2018-01-07.csv").write_text(MONEY)
    printed = run(root, LIFE, home)
    figures, _, told = printed.partition("\n")
    seen = json.loads(figures)
    assert seen["refused"] == []
    # charged on 3 January; of 25.00 the waterfall gives the fee its 5.00, then the premium 20.00
    assert seen["due"]["2018-01-02"] == 0
    assert seen["due"]["2018-01-03"] == 3000
    assert seen["due"]["2018-01-07"] == 3000 - 2000
    assert seen["fees"] == [[0]]
    assert seen["paid"] == [[500, 2000, 0]]
    # asked of two loans, paid in part, and taken off the books with the loan that is charged off
    assert ["insurance_receivable", "insurance_payable", 6000] in seen["accounts"]
    assert ["payment_clearing", "insurance_receivable", 2000] in seen["accounts"]
    assert ["fee_charged_off", "insurance_receivable", 3000] in seen["accounts"]
    # what the portfolio's page shows as overdue: both premiums and the fee, less what was paid
    assert seen["overdue"]["2018-01-03"] == 6000 + 500
    assert seen["overdue"]["2018-01-07"] == seen["interest"]["2018-01-07"] + 6000 - 2000
    # why the loan stands so, what pays it off, and what it shows
    assert "insurance of instalment 1" in told
    assert "  insurance 10.00" in told
    assert "insurance due" in told
