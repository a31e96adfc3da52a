"""The page of payments beyond what came in: returns, mandates, the next debits, files sent."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.store.writer import Ledger
from tests.payments.a_mandated_book import closed
from tests.payments.test_returns import nacha, returned, sent
from tests.pipelines.bank_files import Entry, camt
from tests.pipelines.files import drop


def run_page() -> None:
    from loanbook.dashboards.payments import page

    page.page()


def shown(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, part: str, **query: str) -> AppTest:
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    page = AppTest.from_function(run_page, default_timeout=60)
    for name, value in {"show": part, **query}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def figures(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.metric}


def test_mandates_and_the_next_debits_are_shown_with_what_is_not_asked_for_and_why(
    lent: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent.close()
    page = shown(lent, monkeypatch, "Mandates")
    assert figures(page) == {"Active": "4", "Created": "1", "Suspended": "1", "Revoked": "1"}
    (table,) = (each.value for each in page.dataframe)
    assert list(table.loc[table["loan_key"] == "B", "cap"]) == ["50.00"]
    assert not {"account", "token", "holder", "bank"} & set(table.columns)
    page = shown(lent, monkeypatch, "Next debits")
    told = figures(page)
    assert (told["Debits"], told["Settles"]) == ("3", "9 Jan 2018")
    asked, left = (each.value for each in page.dataframe)
    assert sorted(asked["loan_key"]) == ["A", "D", "G"]
    why = dict(zip(left["loan_key"], left["why"], strict=True))
    assert why["B"] == "more than its mandate allows a debit to be"
    assert why["F"] == "its mandate was revoked"


def test_returns_their_rates_and_what_a_bank_booked_of_a_file_are_shown(
    presented: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, (total, count) = (
        sent(presented),
        presented.one("SELECT amount, payments FROM {lake}.files_out"),
    )
    body = nacha("2018-01-11", returned(1, "R01", rows["A"]["trace"], rows["A"]["amount"]),
                 returned(2, "R01", rows["B"]["trace"], 1))  # fmt: skip
    drop(presented, "bank_2018-01-11_synthetic-bank.ach", body)
    drop(presented, "bank_2018-01-10.xml", camt("2018-01-10", [Entry(total, ref="B1")]))
    closed(presented, "2018-01-11")
    presented.close()
    page = shown(presented, monkeypatch, "Returns", loan="A")
    assert figures(page) == {"Came back": "1", "For a person": "0", "Rate": "33.33 %", "Alarms": "0"}  # fmt: skip
    frames = [each.value for each in page.dataframe]
    assert list(frames[0]["why"]) == ["what the code says by the policy"]
    assert set(frames[1]["alarm"]) == {"– too few to tell", "✓ within"}
    assert list(frames[2]["code"]) == ["R01"]
    assert len(frames) == 3  # its one payment came back: it met nothing
    page = shown(presented, monkeypatch, "Returns", loan="D")
    met = page.dataframe[-1].value
    assert set(met["component"]) <= {"principal", "interest"}
    assert len(met)
    page = shown(presented, monkeypatch, "Files and suspense", as_of="2018-01-08")
    (coming,) = (each.value for each in page.dataframe if "originator" in each.value)
    assert (list(coming["payments"]), list(coming["direction"])) == ([count], ["debit"])
    page = shown(presented, monkeypatch, "Files sent")
    (files,) = (each.value for each in page.dataframe)
    assert list(files["state"]) == ["✓ booked"]
    assert figures(page)["Not booked whole"] == "0"
