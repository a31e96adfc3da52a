"""Legal action and agencies: taken in once, contact held, and commission on what came while a loan was placed."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from contextlib import closing

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.catalogue.codes import Kind
from loanbook.core.collections.placing import STEPS, commissions, remitted, spans
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.core.risk_events.catalogue import BY_COLUMN
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.collections.one import channels_now, timeline
from loanbook.pipelines.collections.placed import commission_due
from loanbook.pipelines.collections.queued import queue_by
from loanbook.pipelines.commands.app import app
from tests.collections.test_log import _run
from tests.pipelines.files import rules

ON = dt.date(2018, 1, 19)


@pytest.fixture(scope="module")
def recovering(later_book: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A copy of the book: C is before a court, D was and it was withdrawn, F is with the agency, which remits for it; an agency that does
    not hold F gave it back since."""
    home = shutil.copytree(later_book.home, tmp_path_factory.mktemp("recovering") / "home")
    with Ledger(Settings.of(home)) as ledger:
        ledger.connection.execute(
            "INSERT INTO _lake.placements BY NAME SELECT * REPLACE ('q9' AS placement_id, 'returned' AS step, 'another' AS agency, "
            "stated_at + INTERVAL 1 HOUR AS stated_at) FROM _lake.placements WHERE placement_id = 'q1'"
        )
        yield ledger


def test_what_is_wrong_is_refused_by_its_rule_and_the_rest_is_taken_in_once(
    recovering: Ledger,
) -> None:
    assert rules(recovering, "legal_steps_2018-01-19.csv") == {
        4: "idempotency_conflict", 7: "stage_not_known", 8: "court_date_not_a_date", 9: "cost_below_zero",
        10: "currency_is_not_the_loans", 11: "stated_in_the_future", 12: "court_date_before_its_step",
    }  # fmt: skip
    assert rules(recovering, "placements_2018-01-19.csv") == {3: "placement_step_not_known", 4: "agency_not_known", 5: "unknown_loan"}  # fmt: skip
    assert recovering.frame("SELECT legal_id FROM {lake}.legal_steps ORDER BY 1")["legal_id"].to_list() == ["l1", "l2", "l3"]  # fmt: skip


def test_contact_is_held_while_a_court_or_an_agency_has_the_loan(
    recovering: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LedgerReader(recovering.settings)) as reader:
        known = policies.with_registry(reader.query("SELECT name FROM products ORDER BY code")["name"])  # fmt: skip
        at = reader.clocks()
        queue = {row["loan_key"]: row for row in queue_by(reader, known, at).to_dicts()}
        assert (queue["C"]["state"], queue["C"]["reason"]) == ("waits", "legal")
        assert (queue["F"]["state"], queue["F"]["reason"]) == (
            "waits",
            "placed with synthetic-agency",
        )
        waits = channels_now(
            reader, known, at, queue["C"], dt.datetime(2018, 1, 19, 20, tzinfo=dt.UTC)
        )
        assert ("call", "once the legal action has ended") in waits.select(
            "channel", "until"
        ).rows()
        assert "legal" not in (queue["D"]["reason"] or "")  # withdrawn
        told, _ = timeline(reader, known, at, queue["C"]["loan_id"])
        assert ("legal step", "filed, next on 2018-02-20", 12_000) in told.select("what", "told", "amount").rows()  # fmt: skip
        before = reader.clocks(ON - dt.timedelta(1))
        then = reader.clocks(before.on, before.version)  # the ledger came to know it on the 19th
        waited = dict(queue_by(reader, known, then).select("loan_key", "reason").rows())
        assert waited["F"] is None
        assert dict(queue_by(reader, known, before).select("loan_key", "reason").rows())["F"] == queue["F"]["reason"]  # fmt: skip
        due = commission_due(reader, known, at, "synthetic-agency", (ON, ON))
        assert due.select("loan_key", "came", "percent", "commission").rows() == [("F", 10_001, "15", 1_500)]  # fmt: skip
        with pytest.raises(LoanbookError, match="is no agency"):
            commission_due(reader, known, at, "nobody", (ON, ON))
    monkeypatch.setenv("LOANBOOK_HOME", str(recovering.settings.home))
    (one, *_) = [
        row for row in json.loads(_run("collections", "legal", "--json")) if row["loan_key"] == "C"
    ]
    assert (one["stage"], one["next_on"], one["cost"]) == ("filed", "2018-02-20", 12_000)
    assert json.loads(_run("collections", "placed", "--json")) == [{"loan_key": "F", "agency": "synthetic-agency", "placed_on": "2018-01-18"}]  # fmt: skip
    said = _run("collections", "place", "E", "synthetic-agency", "stated_at=2018-01-19T09:00:00-06:00", "--agent", "a1")  # fmt: skip
    assert "placements_2018-01-20" in said.replace("\n", "")
    said = _run("collections", "legal", "E", "demand", "stated_at=2018-01-19T09:00:00-06:00", "cost=3.50", "--agent", "a1")  # fmt: skip
    assert "legal_steps_2018-01-20" in said.replace("\n", "")
    late = ("legal", "E", "demand", "stated_at=2999-07-30T09:00:00Z", "--agent", "a1")
    with pytest.raises(LoanbookError, match="mend stated_at"):
        CliRunner().invoke(app, ["collections", *late], catch_exceptions=False)
    for words, why in (
        (("E", "nosuch"), "there are synthetic-agency"), (("F", "synthetic-agency"), "is placed with synthetic-agency since 2018-01-18"),
        (("E", "synthetic-agency", "--recall"), "is placed with nobody"), (("Z", "synthetic-agency"), "Z"),
    ):  # fmt: skip
        order = ["collections", "place", *words, "stated_at=2018-01-19T10:00:00-06:00", "--agent", "a1"]  # fmt: skip
        with pytest.raises(LoanbookError, match=why):
            CliRunner().invoke(app, order, catch_exceptions=False)


def test_what_courts_and_agencies_have_is_told_as_events_of_the_day_on_which_it_becomes_known(
    recovering: Ledger,
) -> None:
    with closing(LedgerReader(recovering.settings)) as reader:
        told = reader.risk_events()
    mine = told.filter(pl.col("business_date") == ON, pl.col("kind") == BY_COLUMN["notices"].code)
    # D's action was withdrawn on the day on which it became known: nothing changed
    assert mine.select("loan_key", "before", "now").sort("loan_key").rows() == [
        ("C", 0, 64),
        ("F", 0, 128),
    ]


def _step(n: int, on: int, step: str, agency: str = "a") -> tuple[object, ...]:
    day = dt.date(2024, 1, on)
    return (str(n), 1, "L", dt.datetime.combine(day, dt.time(n % 24)), day, step, agency)


def test_commission_is_on_what_came_from_the_placement_to_its_tail_by_how_late_the_loan_was() -> (
    None
):
    steps = pl.DataFrame([
        _step(1, 2, "recalled"), _step(2, 5, "placed"), _step(3, 10, "recalled"), _step(4, 15, "placed"), _step(5, 20, "placed", "b"),
    ], schema=STEPS, orient="row")  # fmt: skip
    found = spans(steps, dt.date(2024, 1, 31))
    assert found.select("agency", pl.col("placed_on").dt.day(), pl.col("ended_on").dt.day(), "ended_by").rows() == [
        ("a", 5, 10, "recalled"), ("a", 15, 19, "placed"), ("b", 20, None, None),
    ]  # fmt: skip
    assert spans(steps, dt.date(2024, 1, 12)).height == 1
    agency = CollectionAgency.model_validate({
        "name": "a", "version": 1, "effective_from": "2000-01-01", "remits_by": "r", "tail_days": 6,
        "commission": [{"from_days": 0, "percent": "10"}, {"from_days": 90, "percent": "12.5"}],
    })  # fmt: skip
    placed = found.filter(pl.col("agency") == "a").with_columns(
        days_past_due=pl.Series([89, 90], dtype=pl.Int64)
    )
    days = [
        4,
        5,
        10,
        14,
        15,
        16,
        25,
        26,
    ]  # the 15th and 16th are of the second placement, though the first one's tail lasts
    money = pl.DataFrame(
        {
            "loan_id": 1,
            "value_date": [dt.date(2024, 1, n) for n in days],
            "amount": [1000 + n for n in days],
        }
    )
    rows = commissions(placed, money, agency, (dt.date(2024, 1, 1), dt.date(2024, 1, 31)))
    # 1005 + 1010 + 1014 = 3029, a tenth is 302.9; 1015 + 1016 + 1025 = 3056, an eighth is 382
    assert rows.select("came", "percent", "commission").rows() == [
        (3029, "10", 303),
        (3056, "12.5", 382),
    ]
    assert commissions(placed, money, agency, (dt.date(2024, 1, 10), dt.date(2024, 1, 10)))[
        "came"
    ].to_list() == [1010]


def test_what_goes_back_of_money_that_came_otherwise_takes_nothing_off_an_agencys_commission() -> (
    None
):
    paid, back, undone = Kind.payment_received.value, Kind.chargeback.value, Kind.reversal.value
    rows = [("p1", paid, "agency", None), ("p2", paid, "bank", None), ("b1", back, "bank", '{"of":"p1"}'),
            ("b2", back, "bank", '{"of":"p2"}'), ("b3", back, "bank", None), ("b4", back, "agency", None), ("r", undone, "bank", '{"reverses":"p1"}')]  # fmt: skip
    events = pl.DataFrame(rows, schema=["idempotency_key", "kind", "source_system", "payload"], orient="row")  # fmt: skip
    assert remitted(events, "agency")["idempotency_key"].to_list() == ["p1", "b1", "b4", "r"]
