"""What waits in suspense is matched by a later run, once a loan or a mandate of it has come."""

from __future__ import annotations

from loanbook.core.store.banking.reading import CANDIDATES, ENTRIES, SUSPENSE
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from tests.payments.a_mandated_book import HEAD, create
from tests.pipelines.bank_files import Entry, camt
from tests.pipelines.files import LOANS, close_landed, drop, take, weekly_loan
from tests.pipelines.test_bank_files import balance, conserved


def test_a_loan_or_a_mandate_that_comes_later_ends_the_wait_and_the_reason_is_kept(
    new_ledger: Ledger,
) -> None:
    day = "2018-01-09"
    drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("LOAN-0001"))
    rows = [
        Entry(10400, ref="R1", text="for LOAN-0002"),
        Entry(5000, ref="R2", mandate="M-77", name="Planted Payer"),
        Entry(70, ref="R3", text="no idea"),
    ]
    drop(new_ledger, f"bank_{day}.xml", camt(day, rows))
    take(new_ledger)
    close_landed(new_ledger)
    assert balance(new_ledger, "unidentified_receipts") == [-15470]
    drop(new_ledger, "loan_tape_2018-01-02_canonical.2.csv", LOANS + weekly_loan("LOAN-0002"))
    drop(new_ledger, "commands_2018-01-10.csv", HEAD + create("M-77", "LOAN-0001"))
    report = take(new_ledger)
    assert (report.matched, report.refused) == (2, [])
    assert take(new_ledger).matched == 0
    assert new_ledger.one("SELECT count(*) FROM {lake}.suspense_looks WHERE matched = 2") == (1,)
    close_landed(new_ledger)
    assert balance(new_ledger, "unidentified_receipts", "payment_clearing") == [-70, 0]
    reader = LedgerReader(new_ledger.settings)
    asked = {"first": "2018-01-09", "last": "2018-01-09", "outcome": "applied", "loan": None, "account": None}  # fmt: skip
    told = reader.query(ENTRIES, asked)
    assert told.select("loan_key", "rule", "confidence", "maker", "checker", "reason").rows() == [
        ("LOAN-0002", "loan_key_in_remittance", 1000, "service:intake", "policy:receipt_matching/standard@1", "matched_later"),
        ("LOAN-0001", "mandate_reference", 1000, "service:intake", "policy:receipt_matching/standard@1", "matched_later"),
    ]  # fmt: skip
    waits = reader.query(SUSPENSE, {"on": "2018-01-11"})
    assert waits["reference"].to_list() == ["R3"]
    assert reader.query(CANDIDATES, {"ids": waits["entry_id"].to_list()}).is_empty()
    conserved(new_ledger)
    # published meanwhile: looked at once more, and then no more
    take(new_ledger)
    (looks,) = new_ledger.one("SELECT count(*) FROM {lake}.suspense_looks")
    take(new_ledger)
    assert new_ledger.one("SELECT count(*) FROM {lake}.suspense_looks") == (looks,)
