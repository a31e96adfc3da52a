"""A bank that books a file of ours as one amount: it ties to the file, and what it told before or after is no more money."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.payments.incoming.own_files import BATCHES, tied_by_amount, tied_by_reference
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.payments.paying import instruct
from loanbook.pipelines.resources import read_policies
from tests.payments.a_mandated_book import DAY, closed, shipped
from tests.payments.test_paying import paying
from tests.pipelines.bank_files import Entry, camt
from tests.pipelines.files import drop, take
from tests.pipelines.test_bank_files import balance, decided


def test_debits_that_a_bank_books_as_one_settle_their_file_and_each_alone_is_known_then(
    presented: Ledger,
) -> None:
    key, total = presented.one("SELECT file_key, amount FROM {lake}.files_out")
    (one,) = presented.frame(
        "SELECT end_to_end_id FROM {lake}.instructions ORDER BY key LIMIT 1"
    ).row(0)
    (amount,) = presented.one(
        f"SELECT amount FROM {{lake}}.instructions WHERE end_to_end_id = '{one}'"
    )
    day = "2018-01-10"
    rows = [
        Entry(total, ref="B1", text="COLLECTION OF THE DAY"),
        Entry(total, ref="B2", text="the same amount, once more"),
        Entry(total - 1, ref="B3", e2e=key),
    ]
    drop(presented, f"bank_{day}.xml", camt(day, rows))
    drop(presented, f"bank_{day}_b.xml", camt(day, [Entry(amount, ref="D1", e2e=one)], kind="052"))
    report = take(presented, shipped(presented))
    assert not report.refused, report.refused
    told = presented.frame("SELECT reference, outcome || ' ' || rule AS d FROM {lake}.bank_entries ORDER BY 1")  # fmt: skip
    assert dict(told.rows()) == {
        "B1": "settled file_settled_by_amount", "B2": "suspense no_loan_found",
        "B3": "suspense another_amount_than_the_file", "D1": "duplicate settled_with_its_file",
    }  # fmt: skip
    closed(presented, day)
    assert balance(presented, "payment_clearing") == [0]
    assert presented.one("SELECT sum(amount)::BIGINT FROM {lake}.file_settlements") == (total,)


def test_payouts_that_a_bank_books_as_one_clear_what_was_paid_out(four_lent: Ledger) -> None:
    policies = four_lent.register(paying(read_policies(), "ach"))
    ((row,),) = [[each.row for each in instruct(four_lent, policies, DAY, run_id="r").files]]
    day = "2018-01-09"
    drop(four_lent, f"bank_{day}.xml", camt(day, [Entry(-row["amount"], ref="P1", e2e=row["file_key"])], 10**6))  # fmt: skip
    take(four_lent, policies)
    assert decided(four_lent) == {"P1": "settled file_settled_as_one"}
    closed(four_lent, day, policies)
    # C has no mandate, so its 1,200.00 wait
    assert balance(four_lent, "payout_clearing", "bank", "payment_clearing") == [-120_000, -row["amount"], 0]  # fmt: skip


def batch(key: str, day: int, amount: int, **more: object) -> dict[str, object]:
    """A batch of three debits that settles on a day of May 2024."""
    told = {"file_key": key, "effective": dt.date(2024, 5, day), "sequence": "RCUR", "entry_class": "",
            "description": "", "name": f"{key}.xml", "direction": "debit", "currency": "EUR", "number": 1,
            "payments": 3, "amount": amount, "net": amount, "singly": 0}  # fmt: skip
    return told | more


def test_a_file_is_told_whole_by_day_or_batch_gross_or_less_what_was_rejected() -> None:
    batches = pl.DataFrame(
        [
            batch("F-1-D", 6, 900, net=600), batch("F-1-D", 8, 400, number=2),
            batch("F-2-D", 6, 700), batch("F-3-D", 7, 700), batch("F-4-D", 6, 50, payments=1),
            batch("F-5-D", 6, 80, singly=3), batch("F-6-D", 6, 90, singly=1),
        ], schema=BATCHES,
    )  # fmt: skip
    amounts = {1: 1300, 2: 600, 3: 400, 4: 700, 5: 50, 6: 80, 7: 90, 8: 400}
    says = {1: "F-1-D", 3: "collection F-1-D-2", 8: "F-1-D-2"}
    entries = pl.DataFrame(
        [
            {"place": place, "amount": amount, "currency": "EUR", "direction": "credit", "reversal": False,
             "value_date": dt.date(2024, 5, 8 if place == 3 else 6), "counterparty": "Somebody" if place == 5 else None,
             "remittance": says.get(place), "returns": None, "reference": None, "client_ref": None, "end_to_end_id": None}
            for place, amount in amounts.items()
        ]
    ).with_columns(pl.col("returns", "reference", "client_ref", "end_to_end_id").cast(pl.String))  # fmt: skip
    named = tied_by_reference(entries, batches)
    # the file of both days came first, so its second batch is no more to be had by itself
    assert named.entries.rows() == [(1, "file_settled_as_one")]
    assert named.settled["amount"].to_list() == [900, 400]
    told = tied_by_amount(entries.filter(pl.col("place") > 1), batches)
    assert sorted(told.entries.rows()) == [
        (2, "file_settled_by_amount"), (3, "file_settled_by_amount"), (4, "file_settled_by_amount"),
        (6, "told_payment_by_payment"),
    ]  # fmt: skip
    assert told.settled.select("place", "file_key", "amount").rows() == [
        (2, "F-1-D", 900), (3, "F-1-D", 400), (4, "F-2-D", 700),
    ]  # fmt: skip
    both = batches.filter(pl.col("file_key").is_in(["F-2-D", "F-3-D"])).with_columns(effective=dt.date(2024, 5, 6))  # fmt: skip
    assert tied_by_amount(entries.filter(pl.col("place") == 4), both).entries.rows() == [(4, "several_files")]  # fmt: skip
