"""Engine and reference agree on every position and due of every day of many lives.

By default the first rows of the covering array, a life each, which meet nearly all of its pairs;
`make oracle SEED= LIVES=` lives others, and more of them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from itertools import combinations

import polars as pl

from loanbook.core.policy.book import PolicyBook
from tests.oracle.compare import Difference, differences, lived
from tests.oracle.limits import possible
from tests.oracle.lives import array
from tests.oracle.options import OPTIONS

SEED = int(os.environ.get("SEED") or 1)
LIVES = int(os.environ.get("LIVES") or 120)


def told(found: list[Difference], each: int = 3) -> str:
    """The differences by kind, the first of each with product options and events."""
    kinds: dict[str, list[Difference]] = defaultdict(list)
    for difference in found:
        kinds[difference.column].append(difference)
    lines = [f"seed {SEED}: {len(found)} lives differ"]
    for column, its in sorted(kinds.items()):
        lines.append(f"== {column}: {len(its)}")
        for difference in its[:each]:
            lines += _one(difference)
    return "\n".join(lines)


def _one(difference: Difference) -> list[str]:
    life = difference.life
    past = [e for e in life.events if e.value_date <= difference.date]
    return [
        f"loan {life.loan_id} on {difference.date}: reference {difference.reference}, "
        f"engine {difference.engine}",
        f"  product {life.options}",
        f"  terms {life.terms}",
        *(
            f"  {e.value_date} {e.kind} {e.amount} {e.ref} {e.about or ''}"
            for e in sorted(past, key=lambda e: (e.value_date, e.ref))
        ),
    ]


def test_engine_and_reference_agree_on_every_day(policies: PolicyBook) -> None:
    """And a figure of the engine that is off by one, on one day of one loan, is found."""
    sides = lived(policies, SEED, LIVES)
    found = differences(sides)
    assert not found, told(found)
    theirs = sides.theirs
    on = theirs.filter(pl.col("loan_id") == 5)["date"].to_list()[9]
    there = (pl.col("loan_id") == 5) & (pl.col("date") == on)
    bent = theirs.with_columns(principal=pl.col("principal") + there.cast(pl.Int64))
    off = differences(replace(sides, theirs=bent))
    assert [(d.life.loan_id, d.date, d.column) for d in off] == [(5, on, "principal")]


def test_every_two_options_that_go_together_meet_in_a_life() -> None:
    made, met = array(SEED), set()
    for row in made.rows:
        assert possible(row)
        places = [(name, OPTIONS[name].index(value)) for name, value in row.items()]
        met |= {frozenset(two) for two in combinations(places, 2)}
    assert met == made.pairs
    assert len(made.dropped) < len(made.pairs) // 50
