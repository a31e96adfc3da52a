"""By what an entry finds its loan: references first, then name, amount and due date with a confidence."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.frames import empty
from loanbook.core.payments.incoming.candidates import AWAITED, accepted, candidates
from loanbook.core.payments.incoming.entries import Incoming, identified, same_as
from loanbook.core.payments.incoming.matching import REFERENCES, matched
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.store.banking.names import alike

POLICY = ReceiptMatching(name="standard", version=1, effective_from=dt.date(2000, 1, 1))
DAY = dt.date(2024, 3, 15)
LOANS = pl.DataFrame({"loan_id": [1, 2, 3], "loan_key": ["AB-1001", "AB-1002", "77"]})


def entries(*rows: dict[str, object]) -> pl.DataFrame:
    """Money in of 100.00 USD on the day, but for what a row says."""
    types = empty(Incoming).schema
    told = [
        {"place": n, "line": n, "account": "main", "direction": "credit", "reversal": False, "amount": 10_000,
         "currency": "USD", "value_date": DAY} | row
        for n, row in enumerate(rows, start=1)
    ]  # fmt: skip
    return pl.DataFrame(
        [{name: row.get(name) for name in types} for row in told], schema=dict(types)
    )


def test_the_surest_reference_decides_and_one_that_means_two_loans_decides_nothing() -> None:
    references = pl.DataFrame(
        [("trace", "0910000112345678", 3), ("end_to_end_id", "E-9", 2), ("mandate", "M-7", 1),
         ("virtual_account", "VA 555 001", 3)],
        schema=REFERENCES, orient="row",
    )  # fmt: skip
    rows = entries(
        {
            "reference": "0910000112345678",
            "end_to_end_id": "AB-1001",
        },  # our trace is surer than a key
        {"end_to_end_id": "e-9"},
        {"mandate": "M-7", "remittance": "AB-1002"},
        {"client_ref": "ab-1002"},
        {"client_ref": "77"},  # a short key as a reference by itself
        {"remittance": "invoice 77"},  # and not within a text
        {"remittance": "Rate fuer Darlehen ab-1001."},
        {"remittance": "AB-1001/AB-1002"},
        {"remittance": "to VA555001"},
        {"remittance": "thanks, M-7"},
    )
    found = matched(rows, LOANS, references, POLICY)
    assert sorted(found.select("place", "loan_id", "rule").rows()) == [
        (1, 3, "own_trace"), (2, 2, "own_end_to_end_id"), (3, 1, "mandate_reference"), (4, 2, "loan_key"),
        (5, 3, "loan_key"), (7, 1, "loan_key_in_remittance"), (8, 1, "loan_key_in_remittance"),
        (8, 2, "loan_key_in_remittance"), (9, 3, "virtual_account"), (10, 1, "mandate_reference"),
    ]  # fmt: skip


def test_name_amount_and_due_date_give_a_confidence_and_the_policy_says_from_which_it_is_applied() -> (
    None
):
    awaited = pl.DataFrame(
        [(1, "USD", "Jörg Müller", 10_000, 0, DAY), (2, "USD", "Ana María Núñez", 20_000, 20_000, DAY),
         (3, "USD", "Peter Smith", 10_000, 0, DAY), (4, "USD", "Peter Smith", 10_000, 0, DAY),
         (5, "EUR", "Jörg Müller", 10_000, 0, DAY)],
        schema=AWAITED, orient="row",
    )  # fmt: skip
    rows = entries(
        {"counterparty": "MUELLER JOERG"},
        {"counterparty": "NUNEZ, ANA MARIA", "amount": 5_000},  # part of what is overdue
        {"counterparty": "Smith Peter"},  # two loans of one name and amount
        {"counterparty": "Zebra Ltd"},  # the amount alone
        {"counterparty": "Nobody Here", "amount": 1},
        {"counterparty": "Muller, Jorg"},
    )
    found = candidates(rows, awaited, alike, POLICY)
    best = {place: (loan, score) for place, loan, score in
            found.filter(pl.col("rank") == 1).select("place", "loan_id", "confidence").rows()}  # fmt: skip
    assert best[1] == (1, 891)  # 0.5 × name 782 (934 of 1000 alike, 700 are the floor) + 350 + 150
    assert best[2] == (2, 693)  # 500 + 0.35 × 125 + 150: the name is the same without its accents
    assert best[3] == (3, 1000)
    assert best[4][1] == 500
    assert 5 not in best
    assert accepted(found, POLICY)["place"].to_list() == [
        6
    ]  # the first is not sure enough, the third leads no other
    lower = POLICY.model_copy(update={"accept_at": 890})
    assert accepted(found, lower)["place"].to_list() == [1, 6]
    assert found.filter(pl.col("place") == 3)["loan_id"].to_list()[:2] == [3, 4]
    assert found.filter(pl.col("loan_id") == 5).is_empty()  # of another currency


def test_an_entry_is_the_same_by_the_banks_reference_or_all_that_the_payer_said_on_the_day() -> (
    None
):
    first = identified(entries(
        {"reference": "B1"}, {"end_to_end_id": "RENT"}, {"remittance": "hello", "counterparty": "Jane"},
        {"remittance": "hello", "counterparty": "Jane"},
    ))  # fmt: skip
    later = DAY + dt.timedelta(days=7)
    again = identified(entries(
        {"reference": "B1", "value_date": DAY + dt.timedelta(days=1)},  # a day later in another format
        {"end_to_end_id": "RENT", "value_date": later},  # the payer's words, a week later: another payment
        {"client_ref": "RENT"},
        {"remittance": "HELLO!", "counterparty": "jane"}, {"remittance": "hello", "counterparty": "Jane"},
        {"remittance": "hello", "counterparty": "Jane"},  # the third of that day is new
        {"reference": "B1", "amount": 9_999},
    ))  # fmt: skip
    found = same_as(again, first).sort("place")
    assert found["place"].to_list() == [1, 3, 4, 5]
    assert found["same_as"].n_unique() == 4
    assert first["entry_id"].n_unique() == 4
