"""A payment link: made once, paid once, not after its last day; its money finds its loan and clears."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from tests.pipelines.files import LOANS, close_landed, drop, take, weekly_loan
from tests.pipelines.test_bank_files import balance, conserved, decided


def told(*words: str) -> Result:
    return CliRunner().invoke(app, ["payments", *words])


def test_a_link_is_made_once_and_paid_once_until_its_last_day_and_its_money_clears(
    new_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("A"))
    take(new_ledger)
    close_landed(new_ledger)
    monkeypatch.setenv("LOANBOOK_HOME", str(new_ledger.settings.home))
    made = told("link", "A", "--amount", "104.00", "--until", "2018-01-08")
    assert made.exit_code == 0, (made.output, made.exception)
    assert told("link", "A", "--amount", "104.00", "--until", "2018-01-08").output == made.output
    late = told("link", "A", "--amount", "20.00", "--until", "2018-01-04")
    assert "open" in late.output
    for amount, why in (
        ("0.00", "above zero"),
        ("99999.00", "more than settles the loan (1200.39 USD)"),  # a night at 12 % of 365
    ):
        assert why in str(told("link", "A", "--amount", amount).exception)
    assert "is over" in str(
        told("link", "A", "--amount", "1.00", "--until", "2018-01-01").exception
    )
    first, second = (each["reference"] for each in json.loads(told("links", "--json").output))
    kept = new_ledger.settings.home / "links" / "links.json"
    open_links = kept.read_text()
    assert told("pay-link", first, "--on", "2018-01-05").exit_code == 0
    kept.write_text(open_links)  # as a run that was killed leaves it
    assert told("pay-link", first, "--on", "2018-01-05").exit_code == 0
    assert "is paid" in str(told("pay-link", first, "--on", "2018-01-06").exception)
    assert "is expired" in str(told("pay-link", second, "--on", "2018-01-06").exception)
    states = [
        each["state"]
        for each in json.loads(told("links", "--as-of", "2018-01-06", "--json").output)
    ]
    assert states == ["paid", "expired"]
    assert not take(new_ledger).refused
    assert decided(new_ledger) == {first: "applied loan_key"}
    close_landed(new_ledger)
    conserved(new_ledger)
    # it stands in clearing until the payout arrives at the bank
    assert balance(new_ledger, "payment_clearing", "bank") == [10400, 0]
