"""Marts beside the general ledger: what they sum up to must be its balances."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Status
from loanbook.core.store.marts import BY_NAME
from loanbook.core.store.queries import PUBLISHED, Queries

_ON_BOOKS = f"""
    SELECT entity, product, currency, {ROLE["loan_principal"]}::SMALLINT AS account, principal AS amount
    FROM {{lake}}.{{mart}} WHERE version IN {PUBLISHED} AND status NOT IN ({Status.charged_off.value})
      AND business_date = (SELECT max(business_date) FROM {{lake}}.{{mart}} WHERE version IN {PUBLISHED})
"""
_MOVED = f"""
    SELECT entity, product, currency, debit AS account, amount FROM {{lake}}.{{mart}}
    WHERE version IN {PUBLISHED} AND business_date IS NOT NULL
    UNION ALL
    SELECT entity, product, currency, credit, -amount FROM {{lake}}.{{mart}}
    WHERE version IN {PUBLISHED} AND business_date IS NOT NULL
"""
TIED = {"portfolio_daily": _ON_BOOKS, "state": _ON_BOOKS, "cash_flow": _MOVED}
"""Marts that tie to account balances, and what of theirs does: principal of loans that are on the books, or all
movements of every account."""


def untied(ledger: Queries, name: str) -> pl.DataFrame:
    """Accounts whose balance is another than the mart's last date sums up to: `entity`, `product`, `currency`,
    `account` (codes), `mart`, `balance`, `difference` (Int64 minor units). None, in a sound ledger.
    """
    mart = BY_NAME[name]
    told = TIED[name].replace("{mart}", mart.name)
    return ledger.frame(
        f"""
        WITH told AS (
            SELECT entity, product, currency, account, sum(amount)::BIGINT AS mart FROM ({told}) GROUP BY ALL),
        last AS (
            SELECT max(version) AS version FROM {{lake}}.versions WHERE version IN {PUBLISHED}
              AND business_date <= (SELECT max(business_date) FROM {{lake}}.{mart.name})),
        balances AS (
            SELECT entity, product, currency, account, balance FROM {{lake}}.account_balances, last
            WHERE account_balances.version = last.version AND balance <> 0
              AND (account = {ROLE["loan_principal"]} OR {name == "cash_flow"}))
        SELECT entity, product, currency, account, coalesce(mart, 0) AS mart,
               coalesce(balance, 0) AS balance, coalesce(mart, 0) - coalesce(balance, 0) AS difference
        FROM told FULL JOIN balances USING (entity, product, currency, account)
        WHERE coalesce(mart, 0) <> coalesce(balance, 0) ORDER BY ALL
        """
    )
