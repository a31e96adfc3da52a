"""Run every case of a folder: `python -m tests.conformance.runner [FOLDER]`.

Prints passed, failed and not attempted by category and tier, and writes one JSON line a
case to build/conformance.jsonl. Never fails on a case it can't map: it says so.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.conformance import actus, analytics, aprs, fineract, life, printed, printed_tables
from tests.conformance.outcome import Outcome, of

CASES = Path(__file__).parent / "cases"
BUILD = Path("build") / "conformance.jsonl"
Run = Callable[[list[dict[str, Any]]], list[Outcome]]
FAMILIES: dict[str, Run] = {
    "day_count": printed.day_count,
    "business_days": printed.business_days,
    "schedules": printed_tables.schedule_tables,
    "dpd": printed.days_past_due_tables,
    "apr_regz": aprs.apr,
    "apr_eu": aprs.apr,
    "apr_india": aprs.apr,
    "analytics": analytics.run,
}
"""Printed families by category. Others are Fineract cases if they have terms, else unmapped."""


def read(folder: Path) -> list[dict[str, Any]]:
    """Cases of every *.jsonl.gz below the folder, in order of path and line."""
    found = []
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for n, line in enumerate(lines, start=1):
                if line.strip():
                    found.append({"id": f"{path.stem}-L{n}", "category": path.name.split(".")[0],
                                  "tier": "?", **json.loads(line)})  # fmt: skip
    return found


def family(case: dict[str, Any]) -> Run | None:
    """The module that runs a case, by its shape."""
    if case["tier"].startswith("printed"):
        return FAMILIES.get(case["category"])
    if case["category"].startswith("actus_"):
        return actus.run
    if "terms" in case and "disbursement" in case:
        planned = len(case["terms"].get("disbursement_plan") or []) > 1
        return life.run_planned if planned else fineract.run
    if "steps" in case:
        schedule = case["category"].startswith("schedule_")
        return fineract.run if schedule and not fineract.loud(case) else life.run
    return None


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes in the order of the cases."""
    groups: dict[Run | None, list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault(family(case), []).append(case)
    outcomes = []
    for runner, some in groups.items():
        if runner is None:
            outcomes += [of(c, "not attempted", "this family is not built yet") for c in some]
            continue
        outcomes += _apart(runner, some)
    order = {case["id"]: place for place, case in enumerate(cases)}
    return sorted(outcomes, key=lambda o: order.get(o.id, 0))


def _apart(runner: Run, cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of one batch; an odd case, which must not hide the others, is found by halves."""
    try:
        return runner(cases)
    except Exception as gap:  # noqa: BLE001
        if len(cases) == 1:
            why = f"can't be mapped: {type(gap).__name__}: {gap}"
            return [of(cases[0], "not attempted", why)]
    half = len(cases) // 2
    return [*_apart(runner, cases[:half]), *_apart(runner, cases[half:])]


def report(outcomes: list[Outcome], console: Console) -> None:
    """The table by category and tier, and the first difference of each failed case."""
    counted = Counter((o.category, o.tier, o.outcome) for o in outcomes)
    shown = Table("category", "tier", title="Conformance", title_justify="left")
    for name in ("passed", "failed", "not attempted"):
        shown.add_column(name, justify="right")
    for category, tier in sorted({(o.category, o.tier) for o in outcomes}):
        cells = [counted[category, tier, n] for n in ("passed", "failed", "not attempted")]
        shown.add_row(category, tier, *map(str, cells))
    totals = Counter(o.outcome for o in outcomes)
    shown.add_section()
    shown.add_row("all", "", *(str(totals[n]) for n in ("passed", "failed", "not attempted")))
    console.print(shown)
    for each in outcomes:
        if each.outcome == "failed":
            console.print(f"failed {each.id} ({each.category}, {each.tier}): {each.why}")


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else CASES
    if not folder.is_dir():
        print(f"{folder} is no folder; give one that holds *.jsonl.gz files", file=sys.stderr)
        return 2
    outcomes = run(read(folder))
    BUILD.parent.mkdir(exist_ok=True)
    with BUILD.open("w", encoding="utf-8") as file:
        for each in outcomes:
            line = asdict(each)
            if not line["skipped"]:
                del line["skipped"]
            file.write(json.dumps(line) + "\n")
    report(outcomes, Console(width=110))
    print(f"{len(outcomes)} cases; one line each in {BUILD}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
