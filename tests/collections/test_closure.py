"""Loans that have ended: letters made once and proven, and a clock that counts what delay costs."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from contextlib import closing

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.documents.closure import ENDED, breaches, tasks
from loanbook.core.errors import LedgerConflictError, LedgerError, LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.closure_rules import ClosureRules
from loanbook.core.store.agreements.closures import add_step
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.documents.closing import make_letters, tasks_of
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.verifying import verified
from tests.collections.test_log import _run

ON = dt.date(2018, 1, 19)


@pytest.fixture(scope="module")
def ended(later_book: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A copy of the book: G paid the rest, E was settled, B charged off."""
    home = shutil.copytree(later_book.home, tmp_path_factory.mktemp("ended") / "home")
    with Ledger(Settings.of(home)) as ledger:
        yield ledger


def test_letters_are_made_once_say_what_the_ledger_has_and_are_proven_from_their_fields(
    ended: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LedgerReader(ended.settings)) as reader:
        known = policies.with_registry(reader.query("SELECT name FROM products ORDER BY code")["name"])  # fmt: skip
        at = reader.clocks()
        made = make_letters(ended, reader, known, at)
    with closing(LedgerReader(ended.settings)) as reader:
        assert make_letters(ended, reader, known, at).is_empty()
        todo = tasks_of(reader, known, at)
    assert set(todo["state"]) == {"done"}
    said = {(row["loan_key"], row["kind"]): json.loads(row["fields"]) for row in made.to_dicts()}
    # E's claim on the 19th is 1,200.00 and 17 nights at 12 % of 365, 6.70. B paid 100.00 on the 13th, 2.76 of it interest: 11 nights of
    # 1,200.00 and 6 of 1,102.76 are 6.52
    assert {key: (told["paid"], told["given_up"], told["owed"]) for key, told in said.items()} == {
        ("B", "charge_off_notice"): (10_000, 110_652, 110_652), ("E", "settlement_letter"): (90_000, 30_670, 0),
        ("G", "no_objection"): (120_592, 0, 0), ("G", "paid_in_full"): (120_592, 0, 0),
    }  # fmt: skip
    verdicts = verified(ended, DocumentStore(ended.settings), again=True)
    assert verdicts.select("kind", "verdict").n_unique() == 4
    assert set(verdicts["verdict"]) == {"OK"}
    path = DocumentStore(ended.settings).path(made["sha256"][0])
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" ")
    assert verified(ended, DocumentStore(ended.settings))["verdict"].to_list().count("FAIL") == 1


def test_collateral_is_held_once_given_back_once_and_never_edited(
    ended: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = ("E", ("T-1", "title"), "held", dt.date(2018, 1, 2), "ann")
    assert add_step(ended, *held)
    assert not add_step(ended, *held)
    with pytest.raises(LedgerConflictError, match="never edited"):
        add_step(ended, "E", ("T-1", "title"), "held", dt.date(2018, 1, 3), "ann")
    with pytest.raises(LedgerError, match="was not held"):
        add_step(ended, "E", ("T-2", ""), "returned", ON, "ann")
    with pytest.raises(LedgerError, match="no loan has the key"):
        add_step(ended, "Z", ("T-1", "title"), "held", ON, "ann")
    monkeypatch.setenv("LOANBOOK_HOME", str(ended.settings.home))
    order = ["closure", "collateral", "E", "T-1", "returned", "--on", "2999-05-10"]
    with pytest.raises(LoanbookError, match="after today"):
        CliRunner().invoke(app, order, catch_exceptions=False)
    rows = [row for row in json.loads(_run("closure", "list", "--json")) if row["what"] == "collateral"]  # fmt: skip
    assert [(row["reference"], row["state"], row["due_on"]) for row in rows] == [
        ("T-1", "not due", None)
    ]


def test_delay_is_counted_from_the_day_after_the_last_and_costs_what_the_place_says(
    policies: PolicyBook,
) -> None:
    """RBI/2023-24/60: documents back within 30 days of full repayment or settlement, 5,000 rupees for each day of delay."""
    rules = policies.in_force(ClosureRules, "standard", dt.date(2024, 1, 1))
    end = dt.date(2024, 1, 1)  # the 30th day after is the 31st
    loans = [("a", "closed", "IN", "INR"), ("b", "settled", "IN-MH", "INR"), ("c", "closed", "IN", "USD"),
             ("d", "closed", "US-CA", "USD"), ("e", "charged_off", "IN", "INR")]  # fmt: skip
    rows = pl.DataFrame(
        [(n, key, end, *rest[:1], *rest[1:]) for n, (key, *rest) in enumerate(loans)], schema=ENDED, orient="row"
    )  # fmt: skip
    letters = pl.DataFrame(
        [("a", "paid_in_full", end), ("a", "no_objection", dt.date(2024, 1, 9)), ("b", "settlement_letter", dt.date(2023, 12, 31))],
        schema={"loan_key": pl.String, "kind": pl.String, "made_on": pl.Date}, orient="row",
    )  # fmt: skip
    back = {"a": dt.date(2024, 1, 31), "b": dt.date(2024, 2, 3), "c": None, "d": None, "e": None}
    held = [(key, "title", on) for key, on in back.items()] + [("b", "car", dt.date(2024, 2, 2))]
    collateral = pl.DataFrame(
        held, schema={"loan_key": pl.String, "reference": pl.String, "returned_on": pl.Date}, orient="row"
    )  # fmt: skip
    told = tasks(rows, letters, collateral, rules, dt.date(2024, 2, 10))
    found = {(row["loan_key"], row["reference"]): (row["state"], row["days_late"], row["compensation"]) for row in told.to_dicts()}  # fmt: skip
    assert found == {
        ("a", "paid_in_full"): ("done", 0, 0), ("a", "no_objection"): ("done late", 1, 0), ("a", "title"): ("done", 0, 0),
        ("b", "settlement_letter"): ("late", 33, 0),  # one of an earlier ending does not count
        ("b", "title"): ("done late", 3, 1_500_000),
        ("b", "car"): ("done late", 2, 0),  # a day of delay costs once, whatever is held of a loan
        ("c", "paid_in_full"): ("late", 33, 0), ("c", "no_objection"): ("late", 33, 0), ("c", "title"): ("late", 10, 0),
        ("d", "paid_in_full"): ("late", 33, 0), ("d", "no_objection"): ("late", 33, 0), ("d", "title"): ("not due", 0, 0),
        ("e", "charge_off_notice"): ("late", 33, 0),  # what was charged off is owed still: its collateral stays
    }  # fmt: skip
    assert breaches(told)["loan_key"][0] == "b"
    assert breaches(told)["compensation"].sum() == 1_500_000
    later = rules.model_copy(update={"ended_from": dt.date(2024, 1, 2)})
    assert tasks(rows, letters, collateral, later, dt.date(2024, 2, 10)).is_empty()
