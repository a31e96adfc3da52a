"""The movements of the general ledger by value date and pair of accounts: the cash flow of a book, and its proof."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.marts.mart import KEYS, Column, Mart
from loanbook.core.store.marts.news import News


def _rows(news: News, mart: Mart) -> pl.DataFrame:
    """Transfers are never changed: a version adds its own."""
    return news.beside(
        f"SELECT p.version, p.booking_date AS business_date, {mart.select()} "
        f"FROM {{lake}}.transfers p WHERE p.version > {news.since} AND p.version IN (SELECT version FROM _published) GROUP BY ALL"
    )


MART = Mart(
    "cash_flow",
    "Movements by booking date, value date, product, currency and pair of accounts; their sums are the "
    "balances of the general ledger.",
    {
        **KEYS,
        "value_date": Column(pl.Date, "date from which it counts", "date", "p.value_date"),
        "entity": Column(pl.Int16, "the lender's book", "code of entities", "p.entity"),
        "product": Column(pl.Int16, "product version", "code of products", "p.product"),
        "currency": Column(
            pl.Int8, "currency of the amounts", "code of currency_names", "p.currency"
        ),
        "debit": Column(pl.Int16, "account that is debited", "code of account_roles", "p.debit"),
        "credit": Column(pl.Int16, "account that is credited", "code of account_roles", "p.credit"),
        "amount": Column(
            pl.Int64, "debited on the one side, credited on the other", "minor units",
            total_of="p.amount",
        ),
        "transfers": Column(pl.Int64, "how many movements", "count", total_of="1"),
    },
    _rows,
)  # fmt: skip
