"""Read every bank file of a folder tree beside its expected.jsonl: `python -m tests.payment_files.runner [FOLDER]`.

Prints passed, failed and not attempted by format, and writes one JSON line a file to
build/payment_files.jsonl. Which reader reads a file is what its line names as `format`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loanbook.core.payments.bank_file import BankFile
from loanbook.pipelines.formats.bank.reading import READERS
from tests.payment_files import ach, bai2, camt, lockbox, metro2, mt, pain
from tests.payment_files.comparing import Comparison

FILES = Path(__file__).parent / "files"
BUILD = Path("build") / "payment_files.jsonl"
SHOWN = 3
"""Differences of a file that are told."""
Compare = Callable[[dict[str, Any], BankFile, Comparison], None]
FORMATS: Mapping[str, tuple[str, Compare]] = {
    "ach": ("nacha", ach.compare),
    "bai2": ("bai2", bai2.compare),
    "camt.052": ("camt", camt.compare),
    "camt.053": ("camt", camt.compare),
    "camt.054": ("camt", camt.compare),
    "mt940": ("mt940", mt.compare),
    "mt942": ("mt940", mt.compare),
    "pain.001": ("pain", pain.compare),
    "pain.002": ("pain.002", pain.compare_status),
    "pain.008": ("pain", pain.compare),
}
"""By the format that an expectation names: our reader's name, and who compares."""


OF_PATH: Mapping[str, Callable[[dict[str, Any], Path, Comparison], None]] = {
    "lockbox": lockbox.compare,
    "metro2": metro2.compare,
}
"""Formats that are no bank's account: what a lockbox collected, by a mapping; accounts furnished, where no money moves."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    file: str
    format: str
    outcome: str
    why: str


def expectations(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every file that an expected.jsonl below the folder tells of, with what it tells."""
    found = []
    for path in sorted(folder.rglob("expected.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                case = json.loads(line)
                found.append((path.parent / case["file"], case))
    return found


def run(cases: list[tuple[Path, dict[str, Any]]]) -> list[Outcome]:
    """Outcomes in the order of the cases."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for _, case in cases:
        kinds[case["format"]] |= {each["code"] for each in case["expected"].get("problems") or []}
    return [_one(path, case, frozenset(kinds[case["format"]])) for path, case in cases]


def _one(path: Path, case: dict[str, Any], kinds: frozenset[str]) -> Outcome:
    name, form = case["file"], case["format"]
    if form not in FORMATS and form not in OF_PATH:
        return Outcome(name, form, "not attempted", f"{form} is no format that is read")
    to = Comparison(kinds)
    try:
        if form in OF_PATH:
            OF_PATH[form](case["expected"], path, to)
        else:
            reader, compare = FORMATS[form]
            compare(case["expected"], READERS[reader](path.read_bytes()), to)
    except Exception as fault:  # noqa: BLE001 - one file that breaks a reader must not hide the others
        return Outcome(name, form, "failed", f"{type(fault).__name__}: {fault}")
    if to.differences:
        return Outcome(name, form, "failed", "; ".join(to.differences[:SHOWN]))
    if to.not_judged:
        return Outcome(name, form, "not attempted", "; ".join(to.not_judged))
    return Outcome(name, form, "passed", "")


def report(outcomes: list[Outcome], console: Console) -> None:
    """The table by format, and why files failed."""
    counted = Counter((o.format, o.outcome) for o in outcomes)
    shown = Table("format", title="Payment files", title_justify="left")
    names = ("passed", "failed", "not attempted")
    for name in names:
        shown.add_column(name, justify="right")
    for form in sorted({o.format for o in outcomes}):
        shown.add_row(form, *(str(counted[form, name]) for name in names))
    totals = Counter(o.outcome for o in outcomes)
    shown.add_section()
    shown.add_row("all", *(str(totals[name]) for name in names))
    console.print(shown)
    for each in outcomes:
        if each.outcome == "failed":
            console.print(f"failed {each.file} ({each.format}): {each.why}", markup=False)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else FILES
    cases = expectations(folder) if folder.is_dir() else []
    if not cases:
        print(f"{folder} has no expected.jsonl below it", file=sys.stderr)
        return 2
    outcomes = run(cases)
    BUILD.parent.mkdir(exist_ok=True)
    with BUILD.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(each)) + "\n" for each in outcomes)
    report(outcomes, Console(width=110))
    print(f"{len(outcomes)} files; one line each in {BUILD}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
