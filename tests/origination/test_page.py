"""The page of applications: figures that are the events', a case with its trace and what is missing."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.writer import Ledger
from tests.origination.test_taking_in import HEADER, _decide, _report, _row
from tests.origination.test_underwriting import _book as underwriting_book
from tests.pipelines.files import LOANS, close_landed, drop, take, weekly_loan


def run_page() -> None:
    from loanbook.dashboards.origination import page

    page.page()


def test_the_page_shows_the_funnel_what_waits_and_why(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(
        ledger,
        "loan_tape_2018-02-01_canonical.csv",
        LOANS
        + weekly_loan("L-1")
        .replace("2018-01-02", "2018-02-01")
        .replace("2018-01-09", "2018-02-08"),
    )
    drop(
        ledger, "applications_2018-02-01.csv", HEADER + "".join(map(_row, ("good", "bad", "none")))
    )
    drop(
        ledger,
        "bureau_2018-02-01.jsonl",
        _report("person-good", "R1") + _report("person-bad", "R2", bankruptcies=2),
    )
    registered = ledger.register(policies)
    take(ledger, registered)
    _decide(ledger, registered)
    close_landed(ledger, registered)
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    page = AppTest.from_function(run_page, default_timeout=60).run()
    assert not page.exception
    assert {m.label: m.value for m in page.metric} == {
        "Applications": "3", "In review": "0", "Need more information": "1", "Approved of decided": "50.0 %",
    }  # fmt: skip
    queue = page.dataframe[0].value
    assert queue["state"][0] == "need more information", "who waits stands first"
    assert sorted(queue["state"]) == ["approved", "need more information", "rejected"]
    page.text_input(key="case").set_value("applications/bad").run()
    assert not page.exception
    assert any("more than one bankruptcy" in each.value for each in page.markdown)
    rules = next(f.value for f in page.dataframe if "answer" in f.value.columns)
    assert rules.set_index("rule").loc["bankruptcies", "answer"] == "holds"
    page.text_input(key="case").set_value("applications/none").run()
    assert any("history_months" in each.value for each in page.warning)
    page.text_input(key="case").set_value("applications/nobody").run()
    assert any("No application has this id" in each.value for each in page.info)


def test_an_underwriter_decides_on_the_page_and_the_case_tells_of_it(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = underwriting_book(ledger, policies)
    close_landed(ledger, registered)
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    page = AppTest.from_function(run_page, default_timeout=60).run()
    assert not page.exception
    page.button_group(key="show").set_value("Left to a person").run()
    assert sorted(page.dataframe[0].value["application_id"]) == [
        f"applications/{ref}" for ref in ("large", "lien", "odd", "thin")
    ]
    page.text_input(key="case").set_value("applications/lien").run()
    page.text_input(key="act_as").set_value("Una").run()
    page.button(key="decide").click().run()
    assert page.error[0].value == "Say why."
    page.selectbox(key="why").set_value("explained")
    page.button(key="decide").click().run()
    assert not page.exception
    assert page.success[0].value == "applications/lien: approved."
    assert any("**Approved by Una**" in each.value for each in page.markdown)
    page.text_input(key="case").set_value("applications/odd").run()
    page.button_group(key="verdict").set_value("Reject").run()
    assert page.multiselect(key="adverse").value == ["tax_liens"], (
        "what the policy found stands there"
    )
    page.selectbox(key="why").set_value("conduct")
    page.button(key="decide").click().run()
    assert page.success[0].value == "applications/odd: rejected."
    page.text_input(key="case").set_value("applications/large").run()
    page.button_group(key="verdict").set_value("Approve").run()
    page.selectbox(key="why").set_value("explained")
    page.button(key="decide").click().run()
    assert "waits for a second person" in page.success[0].value
    assert any("Una approved it" in each.value for each in page.info)
    assert {m.label: m.value for m in page.metric}["In review"] == "1"
