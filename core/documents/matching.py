"""Paper beside paper, and paper beside what was boarded: the fields that differ, each by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from loanbook.core.contract.terms import Terms
from loanbook.core.documents.paper import Paper, Term

DIFFERENCES = pl.Schema({"field": pl.String, "before": pl.String, "after": pl.String})
NOT_ON_PAPER = ("loan_id", "taken_over_on", "principal_left")
"""Terms that a loan has by entering the ledger, or of another servicer alone."""
ON_PAPER = tuple(name for name in Terms.column_names() if name not in NOT_ON_PAPER)
"""Terms that an agreement says, each of them."""


def as_terms(loan: Mapping[str, Any]) -> dict[str, Term]:
    """The terms of a loan (a row of `Terms`, its `emi` solved) as an agreement says them."""
    return {
        name: value if isinstance(value := loan[name], int | None) else str(value)
        for name in ON_PAPER
    }


def flat(fields: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Each leaf of nested fields by its path, `terms.rate_ppb` or `schedule.amount.3`, its value as JSON."""
    if isinstance(fields, Mapping):
        for key, value in fields.items():
            yield from flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(fields, list | tuple):
        for place, value in enumerate(fields, start=1):
            yield from flat(value, f"{name}.{place}")
    else:
        yield name, json.dumps(fields, ensure_ascii=False)


def differences(before: str, after: str) -> pl.DataFrame:
    """Fields (`DIFFERENCES`) in which two documents' fields (JSON) differ; null: one has no such field."""
    left, right = (pl.DataFrame([*flat(json.loads(text))], schema=["field", name], orient="row")
                   for text, name in ((before, "before"), (after, "after")))  # fmt: skip
    both = left.join(right, on="field", how="full", coalesce=True, maintain_order="left_right")
    return both.filter(pl.col("before").ne_missing(pl.col("after"))).cast(DIFFERENCES)


def unlike(signed: Paper, boarded: Paper) -> pl.DataFrame:
    """Fields (`DIFFERENCES`; before: on paper, after: boarded) of terms, figures and schedule in which they differ."""
    parts = {"lender", "product", "currency", "jurisdiction", "terms", "figures", "schedule"}
    return differences(
        signed.model_dump_json(include=parts), boarded.model_dump_json(include=parts)
    )


def boarded_otherwise(signed: pl.DataFrame, boarded: pl.DataFrame) -> pl.DataFrame:
    """Loans that would be boarded otherwise than they were signed: `loan_key`, `field`, `before`, `after` (text).

    Both: `loan_key` and `ON_PAPER`, a row a loan, `emi` solved. For all loans at once.
    """

    def told(rows: pl.DataFrame, name: str) -> pl.DataFrame:
        texts = rows.select("loan_key", pl.col(ON_PAPER).cast(pl.String))
        return texts.unpivot(index="loan_key", variable_name="field", value_name=name)

    both = told(signed, "before").join(told(boarded, "after"), on=["loan_key", "field"])
    return both.filter(pl.col("before").ne_missing(pl.col("after"))).sort("loan_key", "field")
