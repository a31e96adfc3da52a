"""Loans of every product from one canonical tape, through the whole run."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from loanbook.pipelines.simulation.products import drop_products
from tests.pipelines.files import drop, rules, take


def test_a_book_of_all_products_and_currencies_lives_by_one_engine(new_ledger: Ledger) -> None:
    policies = read_policies()
    names = sorted({p.name for p in policies.products.values()})
    ledger = new_ledger
    drop_products(ledger.settings.landing, names, 2, policies, seed=5, days=6, spread=4)
    head = (
        "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
        "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on\n"
    )
    drop(ledger, "loan_tape_2018-01-02_canonical.csv",
         head + "X-1,instalment-act365,1000.00,10,12,,0,1,months,1,2018-01-02,2018-02-02,,\n"
         "X-2,no-such-product,1000.00,10,12,,0,1,months,1,2018-01-02,2018-02-02,,\n"
         "X-3,instalment-act365,1000.00,10,12,,0,1,fortnights,1,2018-01-02,2018-02-02,,\n"
         "X-4,instalment-act365,1000.00,10,12,,1000.00,1,months,1,2018-01-02,2018-02-02,,\n"
         "X-5,instalment-jpy,150000.50,10,12,,0,1,months,1,2018-01-02,2018-02-02,,\n"
         "X-6,balloon,1000.00,10,12,,199.99,1,months,1,2018-01-02,2018-02-02,,\n"
         "X-7,balloon,1000.00,10,12,,200.00,1,months,1,2018-01-02,2018-02-02,,\n")  # fmt: skip
    take(ledger)
    assert rules(ledger, "loan_tape_2018-01-02_canonical.csv") == {
        3: "unknown_product", 4: "period_not_known", 5: "balloon_not_below_the_principal",
        6: "principal_not_an_amount", 7: "balloon_out_of_bounds",
    }  # fmt: skip
    policies = ledger.register(policies)
    for _ in close_days(ledger, policies, missing_days(ledger), provenance(policies)):
        pass
    assert rebuild(ledger, policies).differences.is_empty()
    reader = LedgerReader(ledger.settings)
    lived = reader.query("SELECT DISTINCT p.name FROM positions x JOIN loans l USING (loan_id) "
                         "JOIN products p ON p.code = l.product")  # fmt: skip
    assert {name.partition("@")[0] for name in lived["name"]} == set(names)
    assert reader.query("SELECT count(DISTINCT currency) AS n FROM transfers")["n"][0] == 5
    some = reader.query("SELECT min(loan_id) AS id FROM loans GROUP BY product")["id"]
    for loan in some.head(4):
        assert replay_loan(ledger, policies, int(loan)).differences.is_empty()
    assert pl.Series(reader.balances()["balance"]).sum() == 0
    ledger.close()
