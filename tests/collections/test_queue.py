"""The queue: points, the split, lists within capacity one loan after another, what waits, and who sees what."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.access.actor import Actor
from loanbook.core.access.deciding import WHOLE, Reading
from loanbook.core.collections.assigning import agents_of, assigned, choices
from loanbook.core.collections.queue import LATE, listed, with_teams
from loanbook.core.collections.scoring import strategy_of
from loanbook.core.collections.seeing import sight
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import parse
from loanbook.core.policy.lending.collection_queues import CollectionQueue

OWN = """
name: own
version: 1
effective_from: 2000-01-01
seed: {seed}
strategies:
  - name: champion
    share_percent: 70
    factors:
      - {{of: days_past_due, bins: [{{below: 31, points: 5}}, {{points: 50}}]}}
      - {{of: promise, words: {{broken: 7}}, other: 1, missing: 2}}
  - name: challenger
    share_percent: 30
    factors: [{{of: amount_due, bins: [{{below: 100, points: -3}}, {{points: 3}}]}}]
teams:
  - name: west
    supervisors: [Sue]
    regions: [US-CA, MX]
    contact_rules: us-regulation-f
    zone: America/Los_Angeles
    agents: [{{name: ann, capacity: 2}}, {{name: ben, capacity: 1, languages: [es]}}]
  - name: rest
    from_days: 31
    contact_rules: us-regulation-f
    zone: America/Chicago
    agents: [{{name: cem, capacity: 3}}]
"""


def _policy(seed: int = 1) -> CollectionQueue:
    policy = parse("collection_queues", "own.yaml", OWN.format(seed=seed))
    assert isinstance(policy, CollectionQueue)
    return policy


def _late(number: int, days: int = 40, due: int = 500, **told: object) -> dict[str, object]:
    row = {"loan_id": number, "loan_key": f"L{number}", "key_hash": number * 10_007, "currency": "USD", "product": "p",
           "region": "US-CA", "days_past_due": days, "amount_due": due, "balance": due * 3}  # fmt: skip
    return dict.fromkeys(LATE) | row | told


def _frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LATE)


def _free(late: pl.DataFrame, **barred: list[str]) -> pl.DataFrame:
    at = dt.datetime(2024, 1, 2, 16, tzinfo=dt.UTC)
    rows = [(i, at, barred.get(f"L{i}", [])) for i in late["loan_id"]]
    schema = {
        "loan_id": pl.Int64,
        "allowed_at": pl.Datetime("us", "UTC"),
        "rules": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_a_loan_keeps_its_strategy_and_shares_are_as_the_policy_has_them() -> None:
    hashes = pl.DataFrame({"key_hash": pl.Series(range(0, 10**19, 10**15), dtype=pl.UInt64)})
    first = hashes.select(strategy_of(_policy())).to_series()
    share = (first == "challenger").mean()
    assert share is not None
    assert 0.28 < share < 0.32
    assert hashes.select(strategy_of(_policy())).to_series().equals(first)
    other = hashes.select(strategy_of(_policy(2))).to_series()
    both = ((first == "challenger") & (other == "challenger")).mean()
    assert both is not None
    assert 0.07 < both < 0.11  # drawn anew: 0.3 x 0.3


def test_lists_hold_the_most_urgent_and_what_waits_says_why() -> None:
    policy = _policy()
    late = _frame([
        _late(1, 10), _late(2, 40), _late(3, 40, promise="broken", language="fr"), _late(4, 40, language="es"),
        _late(5, 40, promise="open", promise_last_day=dt.date(2024, 1, 9), last_agent="ann"), _late(6, 40), _late(7, 3, region=None),
        _late(8, 60, region="MX-JAL", last_agent="cem"), _late(9, 40, region="US-TX", last_agent="ann"),
    ])  # fmt: skip
    loans = with_teams(late, policy)
    told = {
        row["loan_key"]: row
        for row in listed(loans, _free(late, L6=["attorney"]), policy).to_dicts()
    }
    champion = {k: r for k, r in told.items() if r["strategy"] == "champion"}
    points = {
        "L1": 7,
        "L2": 52,
        "L3": 57,
        "L4": 52,
        "L5": 51,
        "L6": 52,
        "L7": 7,
        "L8": 52,
        "L9": 52,
    }
    assert {k: r["score"] for k, r in champion.items()} == {k: points[k] for k in champion}
    assert champion["L3"]["why"] == "days past due +50, promise +7"
    assert {r["score"] for k, r in told.items() if k not in champion} == {3}
    assert told["L5"]["reason"] == "promise to 2024-01-09"
    assert (told["L5"]["state"], told["L5"]["agent"], told["L5"]["place"]) == ("waits", "ann", None)
    assert (told["L6"]["state"], told["L6"]["reason"]) == ("waits", "attorney")
    assert (told["L7"]["state"], told["L9"]["team"], told["L8"]["team"]) == (
        "no team",
        "rest",
        "west",
    )
    assert told["L9"]["agent"] == "cem"
    lists = [r for r in told.values() if r["state"] == "assigned"]
    assert all(r["agent"] != "ben" for r in lists if r["language"] == "fr")
    west = [r for r in told.values() if r["team"] == "west" and r["state"] in ("assigned", "left")]
    assert sorted(r["agent"] for r in west if r["agent"]) == ["ann", "ann", "ben"]
    alone = listed(with_teams(late.head(1), policy), _free(late.head(1)), policy)
    assert alone.select("state", "place").rows() == [("assigned", 1)]
    assert listed(with_teams(late.clear(), policy), _free(late.clear()), policy).is_empty()


@settings(max_examples=40, phases=[Phase.generate], deadline=None)
@given(st.data())
def test_rounds_give_each_loan_what_one_after_another_would(data: st.DataObject) -> None:
    agents = [f"a{n}" for n in range(data.draw(st.integers(1, 5)))]
    room = {a: data.draw(st.integers(1, 4)) for a in agents}
    wanted = [data.draw(st.permutations(agents))[: data.draw(st.integers(1, len(agents)))] for _ in range(data.draw(st.integers(1, 14)))]  # fmt: skip
    left, expected = dict(room), {}
    for order, names in enumerate(wanted, start=1):
        free = next((a for a in names if left[a]), None)
        if free:
            left[free] -= 1
            expected[order] = free
    pairs = pl.DataFrame(
        [(order, a, room[a]) for order, names in enumerate(wanted, start=1) for a in names],
        schema={"order": pl.Int64, "agent": pl.String, "capacity": pl.Int64}, orient="row",
    )  # fmt: skip
    assert dict(assigned(pairs).rows()) == expected


def test_the_next_day_leaves_loans_with_their_agents_and_another_agent_takes_no_more_than_a_share() -> (
    None
):
    policy = _policy()
    loans = pl.DataFrame({
        "order": range(1, 1001), "key_hash": pl.Series([n * 10**15 + 7 for n in range(1000)], dtype=pl.UInt64), "team": "west",
        "language": None, "last_agent": None,
    }, schema_overrides={"language": pl.String, "last_agent": pl.String})  # fmt: skip
    four = pl.concat([agents_of(policy).head(1).with_columns(agent=pl.lit(f"a{n}"), agent_hash=pl.lit(n * 10**17, dtype=pl.UInt64), capacity=pl.lit(1000)) for n in range(5)])  # fmt: skip
    before = assigned(choices(loans, four.head(4)))
    later = loans.filter(pl.col("order") % 10 > 0).with_columns(order=1001 - pl.col("order"))
    after = assigned(choices(later, four.head(4))).with_columns(order=1001 - pl.col("order"))
    both = before.join(after, on="order", suffix="_after")
    assert (both["agent"] == both["agent_after"]).all()
    joined = before.join(assigned(choices(loans, four)), on="order", suffix="_after")
    moved = joined.filter(pl.col("agent") != pl.col("agent_after"))
    assert set(moved["agent_after"]) == {"a4"}
    assert 150 < moved.height < 250  # a fifth
    counts = before.group_by("agent").len()["len"]
    assert counts.min() > 200  # type: ignore[operator]


def test_agents_see_their_own_supervisors_their_teams_and_who_reads_every_loan_all() -> None:
    policy, some = _policy(), Reading(rows=({"region": frozenset({"US-CA"})},))
    rows = pl.DataFrame(
        {"agent": ["ann", "ben", None, "cem"], "team": ["west", "west", "west", "rest"]}
    )

    def seen(name: str, reading: Reading = some, kind: str = "person") -> list[str | None] | None:
        found = sight(Actor(name, kind), reading, policy)  # type: ignore[arg-type]
        return None if found is None else rows.filter(found.of)["agent"].to_list()

    assert seen("Ann ") == ["ann"]
    assert seen("ann", WHOLE) == ["ann"]
    assert seen("sue") == ["ann", "ben", None]
    assert seen("zoe") is None
    assert seen("zoe", WHOLE) == ["ann", "ben", None, "cem"]
    assert seen("zoe", some, "demo") == ["ann", "ben", None, "cem"]


def test_a_queue_that_can_not_be_worked_is_refused() -> None:
    good = OWN.format(seed=1)
    for old, new, why in (
        ("share_percent: 30", "share_percent: 20", "shares are 90 together"),
        ("name: ben", "name: ann", "ann is named twice"),
        ("of: amount_due, bins", "of: promise, bins", "promise is a word"),
        ("of: amount_due", "of: mood", "'mood' is no input"),
        ("America/Chicago", "America/Gotham", "is no time zone"),
        ("from_days: 31", "from_days: 31\n    to_days: 3", "to_days: 3 is below"),
    ):
        with pytest.raises(PolicyError, match=why):
            parse("collection_queues", "own.yaml", good.replace(old, new))
    sample = Path(__file__).parents[2] / "data" / "policies" / "collection_queues" / "standard.yaml"
    assert parse("collection_queues", "standard", sample.read_text())
