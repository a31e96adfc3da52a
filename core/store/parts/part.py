"""Which loans of a book are closed together: a range of ids, with the loans of a borrower never set apart.

A range lets a read skip files and row groups, since rows are stored by loan. Few borrowers have loans on both
sides of a bound: their loans go with the first of them, which table `loan_groups` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.store.queries import Queries


@dataclass(frozen=True)
class Part:
    """Loans from `low` on and below `high`, but those `away`, and `strays` from elsewhere."""

    low: int
    high: int
    strays: pl.Series
    away: pl.Series

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of some rows (by `loan_id`) that are of the part's loans."""
        within = pl.col("loan_id").is_between(self.low, self.high, closed="left")
        is_away = pl.col("loan_id").is_in(self.away.implode())
        return rows.filter((within & ~is_away) | pl.col("loan_id").is_in(self.strays.implode()))

    def frame(
        self, ledger: Queries, sql: str, parameters: list[Any], sort: str | Sequence[str]
    ) -> pl.DataFrame:
        """Rows of the part's loans, sorted; `{part}` in the SQL stands for the condition on `loan_id`."""
        within = f"loan_id >= {self.low} AND loan_id < {self.high}"
        rows = ledger.frame(sql.replace("{part}", within), parameters)
        if self.away.len():
            rows = rows.filter(~pl.col("loan_id").is_in(self.away.implode()))
        if self.strays.len():
            others = ledger.of_loans(
                sql.replace("{part}", "loan_id IN (SELECT loan_id FROM _ids)"),
                self.strays,
                parameters,
            )
            rows = pl.concat([rows, others]).sort(sort)
        return rows


def read(
    ledger: Queries, sql: str, parameters: list[Any], sort: str | Sequence[str], part: Part | None
) -> pl.DataFrame:
    """Rows of a part of the book, or of all of it; `{part}` in the SQL stands for the condition."""
    if part is None:
        return ledger.frame(sql.replace("{part}", "true"), parameters)
    return part.frame(ledger, sql, parameters, sort)


def part_of(ledger: Queries, low: int, high: int, plan: int) -> Part:
    """The part between two bounds by a plan of groups (0: no borrower has several loans)."""
    none = pl.Series("loan_id", dtype=pl.Int64)
    if not plan:
        return Part(low, high, none, none)
    rows = ledger.frame(
        f"SELECT loan_id, leader FROM {{lake}}.loan_groups WHERE plan = ? AND "
        f"((loan_id >= {low} AND loan_id < {high}) <> (leader >= {low} AND leader < {high})) "
        "ORDER BY loan_id",
        [plan],
    )
    ours = rows["leader"].is_between(low, high, closed="left")
    return Part(low, high, rows.filter(ours)["loan_id"], rows.filter(~ours)["loan_id"])
