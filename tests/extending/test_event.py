"""A new event of the contract costs a row of the catalogue and a file: the day, command files, orders
and explanations know it from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.extending.product_copy import insert

ROW = """    EventKind(
        kind=Kind.rate_discounted, family=Family.change,
        words="the borrower pays by direct debit, at a discount of the rate",
        step=3, handler="changes.terms.rate_discount:discount_rate",
        payload=(Field("discount_ppb", pl.Int64, "rate_percent"),), payload_hashed=True,
        states=LIVING, says=("{discount_ppb} % less",),
        commands=(Command("discount_rate", needs=("rate_percent",),
                          becomes="so much less of the rate from the value date on"),),
    ),
"""
HANDLER = '''"""Rate discount: so much less of the rate from the value date on."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.events import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.loan.posting import DayState


def discount_rate(day: DayState, events: pl.DataFrame) -> None:
    """Take discounts, one a loan; the level instalment follows."""
    orders = with_payload(events, Kind.rate_discounted)
    loans = orders.join(day.loans.select("loan_id", "rate_ppb"), on="loan_id")
    discounted = pl.col("rate_ppb") - pl.col("discount_ppb")
    revise(day, loans.select("loan_id", "event_id", new_rate=discounted))
'''
COLUMNS = "command_ref,command,loan_key,value_date,rate_percent,maker,checker,reason\n"
DISCOUNTS = (
    "d1,discount_rate,E-1,2018-01-04,8.35,maker-1,checker-2,direct_debit\n"
    "d2,discount_rate,E-1,2018-01-04,,maker-1,checker-2,direct_debit\n"
    "d3,discount_rate,E-1,2018-01-04,1,maker-1,,direct_debit\n"
)
CHARGE_OFF = "c1,charge_off,E-1,2018-01-06,,maker-1,checker-2,uncollectable\n"
AFTER_IT = "d4,discount_rate,E-1,2018-01-07,1,maker-1,checker-2,direct_debit\n"
LANDING = {
    "2018-01-04": {"commands_2018-01-04.csv": COLUMNS + DISCOUNTS},
    "2018-01-06": {"commands_2018-01-06.csv": COLUMNS + CHARGE_OFF},
    "2018-01-07": {"commands_2018-01-07.csv": COLUMNS + AFTER_IT},
}


def extend(root: Path) -> None:
    """The product knows one event more: a row and a file."""
    catalogue = root / "core" / "catalogue" / "events.py"
    kinds = root / "core" / "catalogue" / "kinds.py"
    insert(kinds, "\n\nclass MoratoriumInterest", "    rate_discounted = 46\n")
    insert(catalogue, "    EventKind(\n        kind=Kind.flag_set", ROW)
    terms = root / "core" / "servicing" / "changes" / "terms"
    (terms / "rate_discount.py").write_text(HANDLER, encoding="utf-8")


def test_a_contract_event_is_a_row_and_a_file(seen: dict[str, Any]) -> None:
    told = seen["event"]
    # 1,200.00 at 12 %: two nights bear 78.90 minor units, one at 3.65 % then bears 12
    assert told["accrued"]["2018-01-04"] == 79
    assert told["accrued"]["2018-01-05"] == 79 + 12
    assert told["events"] == [[46, "maker-1", '{"discount_ppb":83500000}']]
    assert told["rates"] == [[36500000]]
    assert [row for row in seen["refused"] if row[0].startswith("commands")] == [
        ["commands_2018-01-04.csv", 3, "command_without_a_field_it_needs"],
        ["commands_2018-01-04.csv", 4, "needs_a_second_person"],
        ["commands_2018-01-07.csv", 2, "loan_is_charged_off"],
    ]
    explanation = told["explained"]
    assert (
        "the borrower pays by direct debit, at a discount of the rate: 8.35 % less" in explanation
    )
    assert "maker-1, checked by checker-2" in explanation
