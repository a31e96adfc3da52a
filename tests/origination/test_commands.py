"""`loanbook apply` and `loanbook decide`, as an underwriter and an auditor use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from tests.origination.test_sample import FILE
from tests.origination.test_taking_in import HEADER, _report, _row
from tests.pipelines.files import drop, take


def _run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == code, (arguments, result.output, result.exception)
    return str(result.output)


def test_cases_are_decided_shown_withdrawn_made_again_and_compared(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = (
        HEADER
        + "".join(_row(name, device="one") for name in ("good", "bad", "none"))
        + _row("odd", term="7")
    )
    drop(ledger, "applications_2018-02-01.csv", rows)
    drop(
        ledger,
        "bureau_2018-02-01.jsonl",
        _report("person-good", "R1") + _report("person-bad", "R2", bankruptcies=2),
    )
    take(ledger, ledger.register(policies))
    home = ledger.settings.home
    ledger.close()
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    assert "approved: 1" in _run("decide")
    assert "No application waits" in _run("decide")
    listed = json.loads(_run("apply", "list", "--json"))
    assert {row["application_id"]: row["state"] for row in listed} == {
        "applications/good": "approved", "applications/bad": "rejected", "applications/none": "need_more_information",
    }  # fmt: skip
    told = json.loads(_run("apply", "show", "applications/bad", "--json"))
    (decision,) = told["decisions"]
    assert decision["in_words"][0] == "There is more than one bankruptcy on your record."
    assert {rule["rule"] for rule in decision["rules"] if rule["answer"] == "holds"} == {
        "bankruptcies"
    }
    assert [event["event"] for event in told["events"]] == ["submitted", "review_begun", "rejected"]
    assert "requested_term_out_of_bounds" in _run("apply", "rejects", "--csv")
    assert "one" not in _run("apply", "linked", "--csv").split("\n")[1].split(",")[3], (
        "a token, not the device"
    )
    _run("apply", "withdraw", "applications/none", "--reason", "applicant_asked")
    funnel = {row["state"]: row["now"] for row in json.loads(_run("apply", "funnel", "--json"))}
    assert (funnel["withdrawn"], sum(funnel.values())) == (1, 3)
    assert "jump" in str(
        CliRunner()
        .invoke(app, ["apply", "withdraw", "applications/bad", "--reason", "applicant_asked"])
        .exception
    )
    assert "3 the same byte for byte, 0 not" in _run("decide", "--rerun")
    other = tmp_path / "other.yaml"
    other.write_text(
        FILE.read_text(encoding="utf-8").replace("bankruptcies > 1", "bankruptcies > 2"),
        encoding="utf-8",
    )
    moved = json.loads(_run("decide", "--challenger", str(other), "--json"))
    assert [(row["application_id"], row["outcome"], row["outcome_other"]) for row in moved] == [
        ("applications/bad", "rejected", "approved")
    ]
