"""What became of a case."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """`outcome` is passed, failed or not attempted; `why` shows the first difference."""

    id: str
    category: str
    tier: str
    outcome: str
    why: str = ""
    skipped: dict[str, int] = field(default_factory=dict)


def of(case: dict, outcome: str, why: str = "") -> Outcome:  # type: ignore[type-arg]
    return Outcome(
        str(case.get("id", "?")), str(case.get("category", "?")), str(case.get("tier", "?")),
        outcome, why,
    )  # fmt: skip


def judged(case: dict, differences: list[str]) -> Outcome:  # type: ignore[type-arg]
    if differences:
        return of(case, "failed", differences[0])
    return of(case, "passed")
