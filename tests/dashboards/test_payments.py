"""The payments page: files with their ties, suspense with candidates, a decision as a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.store.writer import Ledger
from loanbook.dashboards.payments import suspense
from loanbook.dashboards.theme import LIGHT
from tests.pipelines.bank_files import Entry, camt
from tests.pipelines.files import LOANS, close_landed, drop, take, weekly_loan


def run_page() -> None:
    from loanbook.dashboards.payments import page

    page.page()


@pytest.fixture
def shown(new_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    tape = (
        LOANS.rstrip()
        + ",borrower_name\n"
        + "".join(
            weekly_loan(key).rstrip() + f",{name}\n"
            for key, name in (("LOAN-0001", "Jane Doe"), ("LOAN-0002", "John Doe"))
        )
    )
    drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", tape)
    drop(
        new_ledger,
        "bank_2018-01-04.xml",
        camt("2018-01-04", [Entry(60, ref="A", text="?")], opening=5),
    )
    drop(new_ledger, "bank_2018-01-09.xml", camt("2018-01-09", [
        Entry(10400, ref="B", e2e="LOAN-0001"), Entry(700, ref="C", text="LOAN-0001 or LOAN-0002"),
        Entry(-20, ref="D", text="Synthetic bank fee")], opening=64))  # fmt: skip
    take(new_ledger)
    close_landed(new_ledger)
    monkeypatch.setenv("LOANBOOK_HOME", str(new_ledger.settings.home))
    new_ledger.close()
    page = AppTest.from_function(run_page, default_timeout=60)
    return page.run()


def test_the_page_shows_what_ties_what_waits_and_whom_it_may_be_of(
    shown: AppTest, tmp_path: Path
) -> None:
    assert not shown.exception
    assert {m.label: m.value for m in shown.metric} == {
        "Entries of the date": "3", "Applied to loans": "1", "In suspense": "2",
        "Days that do not tie": "1",  # it opens with 64 cents, and closed with 65 before
    }  # fmt: skip
    frames = [each.value for each in shown.dataframe]
    assert frames[0][["applied", "suspense", "outside"]].to_numpy().tolist() == [[1, 1, 1]]
    assert list(frames[2]["ties"]) == ["✓ ties"]
    assert list(frames[2]["follows"]) == ["✗ a day is missing"]
    waits = next(f for f in frames if "entry_id" in f.columns)
    assert list(waits["days"]) == [5, 0]
    shown.selectbox(key="entry").set_value(waits["entry_id"].iloc[1]).run()
    assert shown.radio[0].options[:2] == ["LOAN-0001", "LOAN-0002"]
    shown.text_input(key="maker").set_value("amal").run()
    assert (
        f"assign {waits['entry_id'].iloc[1]} --loan LOAN-0001 --maker amal" in shown.code[0].value
    )


def test_no_bank_file_of_a_date_is_said_and_a_decision_is_a_file() -> None:
    waits = pl.DataFrame({"currency": ["USD", "USD", "JPY"], "days": [0, 40, 6], "amount": [100, 50, 7],
                          "direction": ["credit", "debit", "credit"]})  # fmt: skip
    ages = suspense.by_age(waits)
    assert ages.rows() == [("JPY", 2, 1, 7), ("USD", 0, 1, 100), ("USD", 3, 1, -50)]
    figure = suspense.age_bars(ages, "USD", LIGHT, "t")
    assert list(figure.data[0].y) == [1, 0, 0, 1]
    assert suspense.decision("e1", None, ("amal", "bela"), "not_ours").decode() == (
        'entry_id,decision,loan_key,maker,checker,reason\ne1,outside,"",amal,bela,not_ours\n'
    )
