"""What alerts are made of, from a ledger: who ordered what, what it came to, which payments failed."""

from __future__ import annotations

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.policy.risk.alerts import AlertRules
from loanbook.core.reporting.alerts.alerts import CHECKS, Alerts
from loanbook.core.reporting.alerts.unusual import EVIDENCE, FINDINGS
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.pipelines.alerts.assets import _result
from loanbook.pipelines.alerts.gathering import RULES, _acts
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.resources import policies_of
from tests.pipelines.a_risk_book import LAST


def test_acts_of_people_come_with_what_they_came_to_and_failed_payments_with_their_product(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = LedgerReader(filled)
    policies = policies_of(reader)
    rules = policies.in_force(AlertRules, RULES, LAST)
    acts = _acts(reader, policies, rules, LAST).select(
        "rule", "loan_key", "amount", "currency", "user", "product"
    )
    reader.close()
    assert acts.sort("rule").rows() == [
        ("payment_failures", "D", 110_00, "USD", None, "instalment-act365"),
        ("reversals", "D", 110_00, "USD", "m-1", "instalment-act365"),
        # 1,142.76 of principal, and interest
        ("write-offs", "C", 1_203_15, "USD", "m-1", "instalment-act365"),
    ]  # fmt: skip
    monkeypatch.setenv("LOANBOOK_HOME", str(filled.home))
    for shown in (["--json"], ["--json", "--evidence"]):
        said = CliRunner().invoke(app, ["alerts", *shown])
        assert said.exit_code == 0, said.output
        assert json.loads(said.output) == [], "few acts make no alert"
    assert "Nothing found as of 2018-03-31" in CliRunner().invoke(app, ["alerts"]).output


def test_a_check_of_dagster_shows_the_rows_that_an_alert_is_made_of() -> None:
    row = {"check": "suspense_ages", "rule": "suspense_ages", "dimension": "account", "of": "main", "value": 9, "currency": "USD",
           "measure": "days", "why": "1 wait", "reference": "e|1", "on": LAST, "amount": 700}  # fmt: skip
    found = Alerts(LAST, *(
        pl.concat([pl.DataFrame(schema=schema), pl.DataFrame([row]).select(set(row) & set(schema))], how="diagonal_relaxed")
        for schema in (FINDINGS, EVIDENCE)
    ))  # fmt: skip
    seen = {name: _result(name, found) for name in CHECKS}
    assert [name for name, each in seen.items() if not each.passed] == ["suspense_ages"]
    table = seen["suspense_ages"].metadata["evidence"].value
    assert (
        "| suspense_ages | suspense_ages | account | main | e/1 | 2018-03-31 | 700 | USD |"
        in str(table)
    )
