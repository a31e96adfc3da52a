"""Index files: a value resets the loans whose rate follows it on the day, and may be corrected."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.policy.product_rules.interest import FloatingRate
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import IntakeReport, take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from loanbook.pipelines.simulation.landing import TAPE
from tests.conftest import fresh
from tests.pipelines.files import drop, rules

HEAD = "index,date,rate_percent,corrects\n"
DAY = dt.date(2018, 2, 1)


@pytest.fixture
def floating() -> PolicyBook:
    """The shipped policies, the sample's loans at a rate that follows `us-prime` every month."""
    book = read_policies()
    made = next(p for _, p in book.policies if p.name == "lendingclub-personal")
    assert isinstance(made, Product)
    rules_ = FloatingRate(index="us-prime", every=1, fixing_days=2)
    tape = book.tape(TAPE)
    columns = tape.columns | {"first_reset_on": "first_due_date"}
    return book.with_rules("products", made.model_copy(update={"floating": rules_})).with_rules(
        "tapes", tape.model_copy(update={"columns": columns})
    )


def test_index_values_reset_rates_and_corrections_restate(
    tmp_path: Path, founded: Path, small_landing: Path, floating: PolicyBook
) -> None:
    ledger = Ledger(fresh(tmp_path / "home", founded, small_landing, "2018-01-10"))
    policies = ledger.register(floating)
    by = provenance(policies)

    def take() -> IntakeReport:
        return take_in(ledger, policies, TAPE, correlation_id="test")

    def close() -> None:
        list(close_days(ledger, policies, missing_days(ledger), by))

    drop(ledger, "payments_2018-02-02.csv", "payment_ref,loan_key,amount,currency,value_date\n")
    take()
    due = ledger.frame("SELECT boards_on FROM {lake}.loan_keys")
    assert due.height
    drop(ledger, "index_2018-01-30.csv", HEAD + "us-prime,2018-01-30,4.5,\nlibor,2018-01-30,1,\n"
         "us-prime,2018-02-01,4.5,\nus-prime,2018-01-29,4.5x,\n")  # fmt: skip
    report = take()
    assert rules(ledger, "index_2018-01-30.csv") == {
        3: "unknown_index", 4: "value_from_the_future", 5: "rate_not_a_percentage",
    }  # fmt: skip
    assert (report.rows_in, report.accepted, report.quarantined) == (4, 1, 3)
    close()
    reader = LedgerReader(ledger.settings)
    changed = reader.sql("SELECT business_date, loan_id, rate_ppb FROM changed_terms")
    assert changed["business_date"].unique().to_list() == [DAY]
    assert changed["rate_ppb"].unique().to_list() == [45_000_000]
    # the same value again, another one, and one that says that it corrects
    drop(ledger, "index_2018-02-03.csv", HEAD + "us-prime,2018-01-30,4.5,\n")
    drop(ledger, "index_2018-02-03_more.csv", HEAD + "us-prime,2018-01-30,4.75,\n")
    report = take()
    assert (report.accepted, report.duplicates, report.quarantined) == (0, 1, 1)
    assert rules(ledger, "index_2018-02-03_more.csv") == {2: "idempotency_conflict"}
    drop(ledger, "index_2018-02-03_again.csv", HEAD + "us-prime,2018-01-30,4.75,yes\n"
         "us-prime,2018-01-15,4.75,yes\n")  # fmt: skip
    assert take().accepted == 2  # no loan had reset on the second
    close()
    assert rebuild(ledger, policies).differences.is_empty()
    now = reader.sql("SELECT DISTINCT rate_ppb FROM changed_terms WHERE version = "
                     "(SELECT max(version) FROM changed_terms)")  # fmt: skip
    assert now["rate_ppb"].to_list() == [47_500_000]
    assert replay_loan(ledger, policies, changed["loan_id"][0]).differences.is_empty()
