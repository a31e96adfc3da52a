"""The state of a day while it runs: what was touched, and the movements so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from loanbook.core.ledger.transfers import transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.claim import charged_off


@dataclass
class DayState:
    """Positions and dues of the loans that the day touches, each on its `business_date`, and what it booked.

    Internal to one close: steps of the day change it in order, nothing outside sees it.
    """

    policies: PolicyBook
    loans: pl.DataFrame
    dues: pl.DataFrame
    transfers: list[pl.DataFrame] = field(default_factory=list)
    allocations: list[pl.DataFrame] = field(default_factory=list)
    changed: list[pl.DataFrame] = field(default_factory=list)
    """`loan_id`, `event_id` of loans whose terms an event changed."""

    def __post_init__(self) -> None:
        self.products = frozenset(self.loans["product"].unique())
        """Products of the loans, which are the same from the first step to the last."""

    def book(self, rows: pl.DataFrame, debit: str | pl.Expr, credit: str | pl.Expr, amount: str,
             ) -> None:  # fmt: skip
        """One transfer a row of `rows` (`loan_id`, maybe `event_id`) whose amount is not zero."""
        if rows.is_empty():
            return
        who = self.loans.select("loan_id", "entity", "product", "currency", "business_date")
        named = rows.select("loan_id", *(c for c in ("event_id",) if c in rows.columns),
                            *_roles(debit, credit), amount).join(
            who, on="loan_id", how="left", maintain_order="left"
        )  # fmt: skip
        self.transfers.append(transfer(named, debit, credit, amount))

    def book_within_claim(self, rows: pl.DataFrame, debit: str, credit: str, amount: str) -> None:
        """Moves between accounts of the claim, as `book`: of what is off the books the memorandum is one sum."""
        off = pl.col("loan_id").is_in(self.charged_off().implode())
        self.book(rows.filter(~off), debit, credit, amount)

    def book_earned(self, rows: pl.DataFrame, debit: str, income: str, amount: str) -> None:
        """A claim that grows by income, as `book`; one that is off the books grows in memorandum alone."""
        off = pl.col("loan_id").is_in(self.charged_off().implode())
        self.book(rows.filter(~off), debit, income, amount)
        self.book(rows.filter(off), "memo_claim", "memo_contra", amount)

    def concerns(self, rules: pl.DataFrame) -> bool:
        """Whether some loan of the day is of a product that `rules` has a row for."""
        return not self.products.isdisjoint(rules["product"])

    def charged_off(self) -> pl.Series:
        """Ids of loans that are off the books now."""
        return self.loans.select("loan_id", off=charged_off()).filter("off")["loan_id"]


def _roles(*roles: str | pl.Expr) -> list[str]:
    """Columns that role expressions read."""
    return sorted({n for r in roles if isinstance(r, pl.Expr) for n in r.meta.root_names()})
