"""The page of the order of the day, made of the engine's own table of steps."""

from __future__ import annotations

from loanbook.core.catalogue.events import EVENT_KINDS, STEP
from loanbook.core.servicing.day.steps import STEPS
from loanbook.core.servicing.day.transactions import IN_SEQUENCE

_HEAD = """# The order of the day

Generated from `core/servicing/day/steps.py`: the close of a date and every replay loop over this
table. Before it, step 1 passes the night for every loan: interest is earned on yesterday's balances
and deferred income is recognised (`core/servicing/day/night.py`).

| step | name | what it does | acts of itself on |
|-:|---|---|---|
"""
_KINDS = """
## When an event is taken

Of one loan's events of a day, those of a lower step come first; within a step they go by value date,
source system, the source's own reference and the idempotency key, whatever files they came in. A
product with `day_order: sequence` takes all of them in the order in which they came, in step {step}.

| step | event | what it is |
|-:|---|---|
"""


def order_of_the_day() -> str:
    """The page as Markdown."""
    rows = [
        f"| {s.number} | `{s.name}` | {s.does} | {_when(s.next_dates)} |"  # fmt: skip
        for s in STEPS
    ]
    kinds = [
        f"| {step} | `{kind.name}` | {EVENT_KINDS[kind]} |"
        for kind, step in sorted(STEP.items(), key=lambda row: (row[1], row[0]))
    ]
    return (
        _HEAD + "\n".join(rows) + "\n" + _KINDS.format(step=IN_SEQUENCE) + "\n".join(kinds) + "\n"
    )


def _when(next_dates: object) -> str:
    """First sentence of what says when a step acts again."""
    words = (getattr(next_dates, "__doc__", None) or "").split(".\n")[0].strip().rstrip(".")
    return " ".join(words.split())
