"""What came in of loans that had been charged off or written off, loan by loan: thin beside `outcomes`."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.store.marts.mart import KEYS, LOAN, Column, Mart
from loanbook.core.store.marts.news import News

RECOVERED = ROLE["recovery_income"]


def _rows(news: News, mart: Mart) -> pl.DataFrame:
    """Transfers are never changed: a version adds its own, a reversal with the other sign."""
    return news.beside(
        f"SELECT p.version, p.booking_date AS business_date, {mart.select()} FROM {{lake}}.transfers p "
        "JOIN {lake}.loan_keys l ON l.loan_id = p.loan_id "
        f"WHERE (p.credit = {RECOVERED} OR p.debit = {RECOVERED}) "
        f"AND p.version > {news.since} AND p.version IN (SELECT version FROM _published) GROUP BY ALL"
    )


MART = Mart(
    "recoveries",
    "Money of loans that had been charged off or written off: a row a loan and value date.",
    {
        **KEYS,
        "value_date": Column(pl.Date, "date on which it came", "date", "p.value_date"),
        "loan_id": Column(pl.Int64, "the loan", "key", "p.loan_id"),
        **LOAN,
        "amount": Column(
            pl.Int64, "what was recovered; below zero: taken back", "minor units",
            total_of=f"CASE WHEN p.credit = {RECOVERED} THEN p.amount ELSE -p.amount END",
        ),
    },
    _rows,
)  # fmt: skip
