"""Loans that are held: named as a lender knows them, told of where a day publishes or blocks."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.errors import LawsBrokenError
from loanbook.core.store.instance import FILE
from loanbook.core.store.queries import Queries

SHOWN = 5
"""Loans that a message names."""


def with_names(ledger: Queries, loans: pl.DataFrame) -> pl.DataFrame:
    """Loans with their `loan_key` and the name of their `product` in front."""
    if loans.is_empty():
        return loans
    names = ledger.of_loans(
        "SELECT k.loan_id, k.loan_key, p.name AS product FROM {lake}.loan_keys k "
        "JOIN _ids USING (loan_id) LEFT JOIN {lake}.products p ON p.code = k.product",
        loans["loan_id"], [],
    )  # fmt: skip
    joined = loans.join(names, on="loan_id", how="left", maintain_order="left")
    return joined.select(
        "loan_id", "loan_key", "product", pl.exclude("loan_id", "loan_key", "product")
    )


def told(broken: LawsBrokenError, ledger: Queries) -> str:
    """Why a day was not closed: the laws, the first loans by key and product, and what to do."""
    said = f"{broken.date}: {', '.join(broken.laws)}; nothing was committed"
    if broken.found.is_empty():
        return (
            f"{said}. No single loan is at fault; look for what changed in policies or code, run "
            "`loanbook rebuild --verify`, and report a defect if it stays"
        )
    rows = with_names(ledger, broken.found.head(SHOWN)).to_dicts()
    return (
        f"{said}. {broken.found.height} loans or more break them, {broken.most} may be held "
        f"([held] in {FILE}): " + "; ".join(in_a_line(row) for row in rows)
    )


def in_a_line(row: dict[str, Any]) -> str:
    """One loan: key, product, law, figures, remedy."""
    return f"loan {row['loan_key']} of {row['product']}: {row['law']}: {row['figures']}; {row['remedy']}"
