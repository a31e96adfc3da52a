"""The shipped cases through the runner."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest

from tests.conformance.outcome import Outcome
from tests.conformance.runner import CASES, read, run
from tests.conftest import made_once

DIFFERENCES = pl.read_csv(Path(__file__).parent / "differences.csv")
"""Failed cases by group; docs/conformance.md says why."""
NOT_ATTEMPTED = pl.read_csv(Path(__file__).parent / "not_attempted.csv")
"""Cases that are not attempted, by what they ask for that has no meaning here."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Of all cases; worked out once, whichever worker asks first."""

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        told = [asdict(outcome) for outcome in run(read(CASES))]
        (folder / "outcomes.json").write_text(json.dumps(told), encoding="utf-8")

    text = (made_once(tmp_path_factory, "conformance", make) / "outcomes.json").read_text()
    return [Outcome(**told) for told in json.loads(text)]


def test_no_case_fails_but_the_named_ones(outcomes: list[Outcome]) -> None:
    failed = {o.id for o in outcomes if o.outcome == "failed"}
    assert failed <= set(DIFFERENCES["id"]), "a case fails that passed before"
    assert set(DIFFERENCES["id"]) <= failed, "a named difference is gone: take it off the list"


def test_every_case_that_is_not_attempted_is_named(outcomes: list[Outcome]) -> None:
    """A case that can't be mapped any more is a fault of the mapping, not a gap that opens unseen."""
    ours = {(o.id, o.why) for o in outcomes if o.outcome == "not attempted"}
    named = set(NOT_ATTEMPTED.select("id", "why").rows())
    assert ours - named == set(), "a case is not attempted that was, or for another reason"
    assert named - ours == set(), "a named gap is closed: take it off the list"
    assert not any(why.startswith("can't be mapped") for _, why in ours)


def test_the_families_that_are_built_pass(outcomes: list[Outcome]) -> None:
    passed = Counter(o.category for o in outcomes if o.outcome == "passed")
    assert passed["plain_schedules"] >= 121
    assert passed["schedule_progressive"] >= 18
    assert passed["schedules"] >= 33
    assert passed["day_count"] == 134
    assert passed["business_days"] == 63
    assert passed["chargeback"] >= 30
    assert passed["refunds_credits"] >= 30


def test_an_unknown_case_is_said_and_not_failed(tmp_path: Path) -> None:
    odd = [{"id": "x", "what": 1}, {"id": "y", "category": "day_count", "tier": "printed",
                                    "inputs": {"convention": "MOON/13"}, "expected": {}}]  # fmt: skip
    with gzip.open(tmp_path / "odd.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(case) + "\n" for case in odd)
    assert {o.outcome for o in run(read(tmp_path))} == {"not attempted"}
