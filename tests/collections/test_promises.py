"""Promises to pay: judged by the money that came, by both clocks, and reckoned a second time payment by payment."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.collections.promises import MONEY, PROMISES, judged, rates
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.lending.promise_rules import PromiseRules
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.collections.promised import promises_by
from tests.collections.test_log import _run
from tests.conftest import copied
from tests.pipelines.files import rules, take


def _rules(grace: int, version: int = 1, since: str = "2000-01-01", **more: int) -> PromiseRules:
    return PromiseRules(
        name="standard", version=version, effective_from=dt.date.fromisoformat(since), grace_days=grace, **more
    )  # fmt: skip


def _day(number: int) -> dt.date:
    return dt.date(2024, 1, 1) + dt.timedelta(days=number)


def _promise(reference: str, loan: int, made: int, due: int, amount: int) -> dict[str, Any]:
    at = dt.datetime.combine(_day(made), dt.time(12))
    return {"reference": reference, "loan_id": loan, "promised_at": at, "promised_on": _day(made), "due_date": _day(due),
            "amount": amount, "agent": "a"}  # fmt: skip


def _judge(
    made: list[dict[str, Any]], came: list[tuple[int, int, int]], on: int, *told: PromiseRules
) -> dict[str, tuple[str, int]]:
    money = pl.DataFrame(
        [(loan, _day(day), amount) for loan, day, amount in came], schema=MONEY, orient="row"
    )
    found = judged(pl.DataFrame(made, schema=PROMISES), money, told or [_rules(2)], _day(on))
    return {row["reference"]: (row["verdict"], row["paid"]) for row in found.to_dicts()}


def test_money_keeps_what_is_due_first_within_its_grace_and_one_plan_alone() -> None:
    made = [_promise("a1", 1, 0, 5, 100), _promise("a2", 1, 0, 10, 100),
            _promise("b1", 2, 0, 5, 100), _promise("b2", 2, 6, 9, 60),
            _promise("c1", 3, 0, 20, 100), _promise("c2", 3, 4, 8, 50),
            _promise("d1", 4, 0, 5, 100), _promise("e1", 5, 15, 16, 10)]  # fmt: skip
    came = [(1, 0, 30), (1, 7, 70), (1, 8, 40), (2, 5, 40), (2, 6, 60), (3, 4, 50), (4, 8, 100), (5, 14, 10)]  # fmt: skip
    assert _judge(made, came, 17) == {
        "a1": ("kept", 100),  # 30 on the day of the promise and 70 on the last day of grace
        "a2": ("partly_kept", 40),
        "b1": ("partly_kept", 40),  # judged when the next promise was made: 60 of that day is of the next
        "b2": ("kept", 60),
        "c1": ("replaced", 0), "c2": ("kept", 50),
        "d1": ("broken", 0),  # a day after the grace
        "e1": ("open", 0),  # what came before the promise is none of it
    }  # fmt: skip
    assert _judge(made, came, 6)["a1"] == ("open", 30)
    generous = _rules(9, 2, "2024-01-02", kept_percent=30, partly_percent=20)
    assert _judge(made, came, 40, _rules(2), generous)["d1"] == ("broken", 0)  # as when it was made
    assert _judge(made, came, 40, generous)["a2"] == ("kept", 40)
    found = judged(pl.DataFrame(made, schema=PROMISES), pl.DataFrame(
        [(loan, _day(day), amount) for loan, day, amount in came], schema=MONEY, orient="row"), [_rules(2)], _day(17))  # fmt: skip
    (told,) = rates(found).to_dicts()
    assert (told["promised"], told["fallen"], told["kept"], told["replaced"]) == (8, 6, 3, 1)
    assert (told["kept_share"], told["amount_fallen"], told["amount_paid"]) == (500_000, 510, 290)
    assert told["paid_share"] == 568_627  # 290 / 510
    with pytest.raises(PolicyError, match="partly_percent: 90 is above"):
        parse("promise_rules", "own.yaml", "name: own\nversion: 1\neffective_from: 2030-01-01\ngrace_days: 1\n"
              "kept_percent: 80\npartly_percent: 90\n")  # fmt: skip


def _one_by_one(
    made: list[dict[str, Any]], came: list[tuple[int, int, int]], on: int, grace: int
) -> dict[str, tuple[str, int]]:
    """The same, day after day: each day's money goes to what is due first of the plan that stands."""
    found = {}
    for loan in {row["loan_id"] for row in made}:
        plans = sorted({row["promised_at"] for row in made if row["loan_id"] == loan})
        for place, moment in enumerate(plans):
            rows = sorted(
                (r for r in made if r["loan_id"] == loan and r["promised_at"] == moment),
                key=lambda r: (r["due_date"], r["reference"]),
            )
            end = plans[place + 1].date() if place + 1 < len(plans) else None
            if moment.date() > _day(on):
                continue
            end = end if end and end <= _day(on) else None
            paid = dict.fromkeys((r["reference"] for r in rows), 0)
            for day in range((moment.date() - _day(0)).days, on + 1):
                if end and _day(day) >= end:
                    break
                left = sum(amount for of, when, amount in came if of == loan and when == day)
                for row in rows:
                    if _day(day) <= row["due_date"] + dt.timedelta(days=grace):
                        took = min(left, row["amount"] - paid[row["reference"]])
                        paid[row["reference"]] += took
                        left -= took
            for row in rows:
                last = row["due_date"] + dt.timedelta(days=grace)
                over = last <= _day(on) or (end is not None and row["due_date"] < end)
                got = paid[row["reference"]]
                verdict = "kept" if got >= row["amount"] else "replaced" if end and row["due_date"] >= end else (
                    "open" if not over else "partly_kept" if got * 100 >= row["amount"] else "broken")  # fmt: skip
                found[row["reference"]] = (verdict, got)
    return found


@settings(max_examples=60, phases=[Phase.generate], deadline=None)
@given(st.data())
def test_plans_and_payments_are_judged_as_day_by_day(data: st.DataObject) -> None:
    day = st.integers(0, 20)
    made = [
        _promise(f"{loan}-{plan}-{part}", loan, first, first + after, amount)
        for loan in (1, 2)
        for plan, first in enumerate(data.draw(st.lists(day, min_size=1, max_size=3, unique=True)))
        for part, (after, amount) in enumerate(
            data.draw(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 400)), min_size=1, max_size=4))
        )
    ]  # fmt: skip
    came = data.draw(st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(0, 34), st.integers(1, 300)), max_size=12))  # fmt: skip
    on, grace = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 4))
    assert _judge(made, came, on, _rules(grace)) == _one_by_one(made, came, on, grace)


def test_promises_enter_once_and_a_return_or_late_money_changes_what_is_said_now_alone(
    late_book: Settings, tmp_path: Path, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = copied(late_book.home, tmp_path / "home")
    with Ledger(where) as ledger:
        known = ledger.register(policies)
        assert rules(ledger, "promises_2018-01-08.csv") == {
            5: "promised_at_not_a_time", 6: "promised_in_the_future", 7: "due_before_it_was_promised", 8: "promise_due_not_a_date",
            9: "amount_finer_than_currency", 10: "amount_not_positive", 11: "currency_is_not_the_loans",
            12: "agent_missing_or_too_long", 13: "unknown_loan", 15: "idempotency_conflict",
        }  # fmt: skip
        assert rules(ledger, "notices_2018-01-08.csv") == {
            3: "notice_not_known", 4: "written_not_yes_or_no", 5: "reason_not_a_code",
        }  # fmt: skip
        assert rules(ledger, "commands_2018-01-16.csv") == {}
    with closing(LedgerReader(where)) as reader:

        def verdicts(as_of: str, known_at: int | None = None) -> list[str]:
            told = promises_by(reader, known, reader.clocks(as_of, known_at))
            return told.filter(pl.col("plan") == 1).sort("reference")["verdict"].to_list()

        then = {
            str(date): version
            for version, date in reader.versions().select("version", "business_date").rows()
        }
        assert verdicts("2018-01-12") == ["kept", "kept", "open"]
        assert verdicts("2018-01-14", then["2018-01-14"]) == ["kept", "open", "kept"]
        assert verdicts("2018-01-14", then["2018-01-16"]) == ["broken", "open", "kept"]
        assert verdicts("2018-01-18") == ["kept", "kept", "kept"]
    monkeypatch.setenv("LOANBOOK_HOME", str(where.home))
    (told,) = json.loads(_run("collections", "promises", "--by", "all", "--json"))
    assert (told["fallen"], told["kept"], told["kept_share"]) == (3, 3, 1_000_000)
    _run("collections", "promise", "A", "2018-01-25=20.00", "2018-02-01=30", "--at", "2018-01-19T10:00:00-06:00",
         "--agent", "a2", "--reference", "own")  # fmt: skip
    body = (where.landing / "promises_2018-01-19_own.csv").read_text()
    assert "own-2,A,2018-01-19T10:00:00-06:00,2018-02-01,30,USD,a2" in body
    _run("collections", "notice", "A", "dispute", "stated_at=2018-01-19T10:00:00-06:00", "written=yes", "reason=paid_already",
         "reference=d1", "--agent", "a2")  # fmt: skip
    with Ledger(where) as again:
        assert take(again, known).reconciles
        assert again.frame("SELECT count(*) FROM {lake}.promises").item() == 5
        assert again.frame("SELECT notice_id FROM {lake}.notices ORDER BY 1")["notice_id"].to_list() == ["d1", "n1"]  # fmt: skip
