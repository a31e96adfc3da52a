"""A new component costs a row of the catalogue, its accounts and a migration: orders, waterfalls, laws,
the ledger, marts and reports know it from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.extending.product_copy import insert

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
    add(connection, "position_arrears", "insurance_due BIGINT DEFAULT 0")


def check(connection: Connection) -> None:
    """The column is there."""
    must_have(connection, "position_arrears", "insurance_due")
'''
ORDERS = (
    "command_ref,command,loan_key,value_date,amount,due_date,maker,checker,reason\n"
    "i1,charge_insurance,I-1,2018-01-03,30.00,2018-01-04,maker-1,checker-2,insured\n"
    "i2,charge_insurance,I-2,2018-01-03,30.00,2018-01-04,maker-1,checker-2,insured\n"
    "f1,charge_fee,I-1,2018-01-03,5.00,2018-01-04,maker-1,checker-2,dispatched\n"
    "o2,charge_off,I-2,2018-01-07,,,maker-1,checker-2,uncollectable\n"
)
MONEY = (
    "payment_ref,loan_key,amount,currency,value_date\n"
    "p1,I-1,25.00,USD,2018-01-06\n"
)  # fmt: skip
LANDING = {
    "2018-01-07": {"commands_2018-01-07_insurance.csv": ORDERS, "payments_2018-01-07.csv": MONEY}
}


def extend(root: Path) -> None:
    """The product knows one component more: a row, two accounts, a migration."""
    insert(root / "core" / "catalogue" / "components.py", "    @property\n    def part(", ROW)
    accounts = root / "core" / "catalogue" / "accounts.py"
    insert(accounts, ")  # fmt: skip", '    "insurance_receivable", "insurance_payable",\n')
    numbered(root / "data" / "policies")
    migrations = root / "core" / "store" / "migrations"
    number = len(list(migrations.glob("[0-9]*.py"))) + 1
    (migrations / f"{number:04}_insurance.py").write_text(MIGRATION, encoding="utf-8")


def numbered(policies: Path) -> None:
    """The charts of accounts of a folder of policies have numbers for the two accounts."""
    numbers = '  insurance_receivable: "1160"\n  insurance_payable: "2310"\n'
    for chart in (policies / "accounts").glob("*.yaml"):
        insert(chart, "  tax_payable:", numbers)


def test_a_component_is_a_row_two_accounts_and_a_migration(seen: dict[str, Any]) -> None:
    assert "commands_2018-01-07_insurance.csv" not in [name for name, *_ in seen["refused"]]
    seen = seen["component"]
    # charged on 3 January; of 25.00 the waterfall gives the fee its 5.00, then the premium 20.00
    assert seen["due"]["2018-01-02"] == 0
    assert seen["due"]["2018-01-03"] == 3000
    assert seen["due"]["2018-01-07"] == 3000 - 2000
    assert seen["fees"]["2018-01-07"] == 0
    assert seen["paid"] == [[500, 2000, 0]]
    # asked of two loans, paid in part, and taken off the books with the loan that is charged off
    assert ["insurance_receivable", "insurance_payable", 6000] in seen["accounts"]
    assert ["payment_clearing", "insurance_receivable", 2000] in seen["accounts"]
    assert ["fee_charged_off", "insurance_receivable", 3000] in seen["accounts"]
    # what the portfolio's page shows as overdue: both premiums and the fee, less what was paid
    assert seen["overdue"]["2018-01-03"] == 6000 + 500
    assert seen["overdue"]["2018-01-07"] == seen["interest"]["2018-01-07"] + 6000 - 2000
    # why the loan stands so, what pays it off, and what it shows
    assert "insurance of instalment 1" in seen["told"]
    assert "  insurance 10.00" in seen["told"]
    assert "insurance due" in seen["told"]
