"""What-if: loans lived again under other policies, beside what was; nothing is written.

Both lives begin with the same book and take the same events by the one engine. They differ by
nothing but the policies, so every difference is theirs.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.contract.terms import Terms
from loanbook.core.errors import EngineError
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.claim import part
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.fast_forward import fast_forward

MEASURES = {
    **{each.part: part(each) for each in Component},
    "credit": pl.col("credit"),
    "interest_earned": pl.col("interest_earned"),
    "principal_paid": pl.col("principal_paid"),
    "interest_paid": pl.col("interest_paid"),
    "charges_paid": pl.col("charges_paid"),
    "days_past_due": pl.col("days_past_due").cast(pl.Int64),
}
"""What is compared: the claim's parts and lifetime totals (Int64 minor units), and arrears."""


@dataclass(frozen=True)
class WhatIf:
    """Two lives of the same loans to the end of `through`."""

    through: dt.date
    loans: pl.DataFrame
    """`loan_id`, `product`, `currency`, for each of `MEASURES` its value as it is (`NAME`) and
    the difference that the other policies make (`NAME_more`); one row a loan."""
    as_is: pl.DataFrame
    """Positions at the end of `through` as the policies in force have them."""

    def differing(self) -> pl.DataFrame:
        """Loans that any measure differs for."""
        return self.loans.filter(pl.any_horizontal(pl.col(f"{n}_more") != 0 for n in MEASURES))

    def totals(self) -> pl.DataFrame:
        """`currency`, `measure`, `as_is`, `what_if`, `difference` over all loans; no sum of days."""
        sums = []
        for name in MEASURES:
            if name == "days_past_due":
                continue
            difference = pl.col(f"{name}_more").sum()
            sums.append(
                self.loans.group_by("currency").agg(
                    measure=pl.lit(name),
                    as_is=pl.col(name).sum(),
                    what_if=pl.col(name).sum() + difference,
                    difference=difference,
                )
            )
        return pl.concat(sums).sort("currency", maintain_order=True)


def what_if(
    start: Book, events: pl.DataFrame, policies: PolicyBook, other: PolicyBook, through: dt.date
) -> WhatIf:
    """Live the loans of `start`, and those that `events` board, under both policy books.

    `events` (schema `Events`) are those that stand; what is valued on or before the book's date,
    or after `through`, is left out. `other` has the registry of `policies`. Raises EngineError if
    `through` is not after the book's date.
    """
    if start.date is not None and through <= start.date:
        raise EngineError(f"the loans stand at {start.date}: look at a later date than {through}")
    effective = effective_events(events).filter(pl.col("value_date") <= through)
    if start.date is not None:
        effective = effective.filter(pl.col("value_date") > start.date)
    start = replace(start, pending=events.clear())
    was = fast_forward(start, effective, policies, through)
    would = fast_forward(repinned(start, other), effective, other, through)
    both = _measured(was.stay.last()).join(
        _measured(would.stay.last()).drop("product", "currency"),
        on="loan_id", how="left", suffix="_if",
    )  # fmt: skip
    loans = both.select(
        "loan_id", "product", "currency", *MEASURES,
        *((pl.col(f"{name}_if") - pl.col(name)).alias(f"{name}_more") for name in MEASURES),
    )  # fmt: skip
    as_is = was.stay.positions(through, through).select(STATE)
    return WhatIf(through, loans.sort("loan_id"), as_is)


def repinned(book: Book, policies: PolicyBook) -> Book:
    """The book with the product parameters of `policies` pinned to its loans."""
    terms = agreed_terms(book.terms.select(Terms.column_names()), policies.pins)
    return replace(book, terms=terms, closed=None, closed_dues=None)


def _measured(wide: pl.DataFrame) -> pl.DataFrame:
    return wide.select("loan_id", "product", "currency", **MEASURES)
