"""Engine and reference agree on every position and due of every day of many lives.

`make oracle SEED= LIVES=` lives others, and more of them.
"""

from __future__ import annotations

import os
from collections import defaultdict

from loanbook.core.policy.book import PolicyBook
from tests.oracle.compare import Difference, run

SEED = int(os.environ.get("SEED") or 1)
LIVES = int(os.environ.get("LIVES") or 250)


def told(found: list[Difference], each: int = 3) -> str:
    """The differences by kind, the first of each with product options and events."""
    kinds: dict[str, list[Difference]] = defaultdict(list)
    for difference in found:
        kinds[difference.column].append(difference)
    lines = [f"seed {SEED}: {len(found)} of {LIVES} lives differ"]
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
    found = run(policies, SEED, LIVES)
    assert not found, told(found)


def test_a_figure_that_is_off_by_one_is_found(policies: PolicyBook) -> None:
    from tests.oracle import compare

    theirs = compare.engine_days

    def bent(*told: object) -> object:
        positions, dues = theirs(*told)  # type: ignore[arg-type]
        return positions.with_columns(principal=positions["principal"] + 1), dues

    compare.engine_days = bent  # type: ignore[assignment]
    try:
        found = run(policies, SEED, 5)
    finally:
        compare.engine_days = theirs
    assert {d.column for d in found} == {"principal"}
    assert len(found) == 5
