"""What a right reader finds beside what ours found: figure by figure, in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile


@dataclass
class Comparison:
    """Differences so far. `kinds`: the kinds of problem that the folder's expectations speak of."""

    kinds: frozenset[str] = frozenset()
    differences: list[str] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)

    def same(self, figure: str, expected: Any, found: Any) -> None:
        """One figure; an expectation of None or `disputed` asks nothing."""
        if expected in (None, "disputed", found):
            return
        self.differences.append(f"{figure}: expected {expected!r}, found {found!r}")

    def exactly(self, figure: str, expected: Any, found: Any) -> None:
        """One figure whose absence is told by None."""
        if expected != found:
            self.differences.append(f"{figure}: expected {expected!r}, found {found!r}")

    def problems(self, expected: list[dict[str, Any]], file: BankFile, lines: bool = False) -> None:
        """Problems by kind, and by line where the format counts lines as we do.

        A kind that no expectation of the folder speaks of is one of ours alone: the file's validity
        tells whether it is right.
        """
        rows = file.problems.filter(pl.col("kind").is_in(sorted(self.kinds)))
        ours = Counter((row["kind"], row["line"] if lines else 0) for row in rows.to_dicts())
        theirs = Counter((each["code"], each["line"] if lines else 0) for each in expected)
        self.exactly("problems not found", {}, dict(theirs - ours))
        self.exactly("problems too many", {}, dict(ours - theirs))


def blank(text: str | None) -> str | None:
    """The text, or None for an empty one."""
    return text or None
