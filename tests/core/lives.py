"""What tests look at in a life: positions of a day, and what went from an account to another."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from tests.core.loans import Story, _event, terms


def days_of(
    policies: PolicyBook,
    product: str,
    through: str,
    *happened: tuple[Kind, str, dict | int],
    n: int = 12,
) -> list[DayClose]:  # type: ignore[type-arg]
    """1,200.00 at 12 % in `n` instalments, every law checked every day."""
    story = Story(policies).lent(terms(policies, product, n=n))
    rows = [
        _event(k, 1, on, body if isinstance(body, int) else None, f"{n}",
               None if isinstance(body, int) else json.dumps(body))
        for n, (k, on, body) in enumerate(happened)
    ]  # fmt: skip
    return Story(policies, (*story.rows, *rows)).live(through).days


def on(days: list[DayClose], date: str, loan_id: int = 1) -> dict:  # type: ignore[type-arg]
    done = next(d for d in days if d.date == dt.date.fromisoformat(date))
    return done.book.wide().row(by_predicate=pl.col("loan_id") == loan_id, named=True)


def moved(days: list, debit: str, credit: str) -> int:  # type: ignore[type-arg]
    pair = (pl.col("debit") == ROLE[debit]) & (pl.col("credit") == ROLE[credit])
    return int(pl.concat(d.transfers for d in days).filter(pair)["amount"].sum())
