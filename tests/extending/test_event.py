"""A new event of the contract costs a row of the catalogue and a file: the day, command files, orders
and explanations know it from there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.extending.product_copy import insert, product_copy, run

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
TAPE = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
    "A-1,instalment-act365,1200.00,12,12,,0,1,months,1,2018-01-02,2018-02-02,,,,\n"
)
COLUMNS = "command_ref,command,loan_key,value_date,rate_percent,maker,checker,reason\n"
DISCOUNTS = (
    "d1,discount_rate,A-1,2018-01-04,8.35,maker-1,checker-2,direct_debit\n"
    "d2,discount_rate,A-1,2018-01-04,,maker-1,checker-2,direct_debit\n"
    "d3,discount_rate,A-1,2018-01-04,1,maker-1,,direct_debit\n"
)
CHARGE_OFF = "c1,charge_off,A-1,2018-01-06,,maker-1,checker-2,uncollectable\n"
AFTER_IT = "d4,discount_rate,A-1,2018-01-07,1,maker-1,checker-2,direct_debit\n"
LIFE = """
import json
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.commands.loans.figures import explain
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import open_instance, provenance
from loanbook.pipelines.servicing.days import close_days, missing_days

ledger, policies = open_instance()
for day, text in ORDERS.items():
    (ledger.settings.landing / f"commands_{day}.csv").write_text(text)
    take_in(ledger, policies, "canonical", correlation_id="test")
    for _ in close_days(ledger, policies, missing_days(ledger), provenance(policies)):
        pass
reader = LedgerReader(ledger.settings)

def rows(sql):
    return [list(map(str, row)) for row in reader.query(sql).rows()]

print(json.dumps({
    "accrued": dict(rows("SELECT business_date, interest_accrued FROM positions")),
    "events": rows("SELECT kind, actor, payload FROM events WHERE kind > 40"),
    "rates": rows("SELECT DISTINCT rate_ppb FROM changed_terms"),
    "refused": rows("SELECT rule FROM quarantine ORDER BY name, line"),
}))
ledger.close()
explain("A-1")
"""


def with_discounts(folder: Path) -> Path:
    """A copy of the product that knows one event more: a row and a file."""
    root = product_copy(folder)
    catalogue = root / "core" / "catalogue" / "events.py"
    insert(catalogue, "\n\nclass MoratoriumInterest", "    rate_discounted = 41\n")
    insert(catalogue, "    EventKind(\n        kind=Kind.flag_set", ROW)
    terms = root / "core" / "servicing" / "changes" / "terms"
    (terms / "rate_discount.py").write_text(HANDLER, encoding="utf-8")
    return root


def test_a_contract_event_is_a_row_and_a_file(tmp_path: Path) -> None:
    root, home = with_discounts(tmp_path), tmp_path / "home"
    run(root, ["init", str(home), "--entity", "Made-up lender"])
    (home / "landing" / "loan_tape_2018-01-02_canonical.csv").write_text(TAPE)
    orders = {
        "2018-01-04": COLUMNS + DISCOUNTS,
        "2018-01-06": COLUMNS + CHARGE_OFF,
        "2018-01-07": COLUMNS + AFTER_IT,
    }
    printed = run(root, f"ORDERS = {orders!r}\n{LIFE}", home)
    figures, _, explanation = printed.partition("\n")
    seen = json.loads(figures)
    # 1,200.00 at 12 %: two nights bear 78.90 minor units, one at 3.65 % then bears 12
    assert seen["accrued"]["2018-01-04"] == "79"
    assert seen["accrued"]["2018-01-05"] == str(79 + 12)
    assert seen["events"] == [["41", "maker-1", '{"discount_ppb":83500000}']]
    assert seen["rates"] == [["36500000"]]
    assert seen["refused"] == [
        ["command_without_a_field_it_needs"], ["needs_a_second_person"], ["loan_is_charged_off"]
    ]  # fmt: skip
    assert (
        "the borrower pays by direct debit, at a discount of the rate: 8.35 % less" in explanation
    )
    assert "maker-1, checked by checker-2" in explanation
