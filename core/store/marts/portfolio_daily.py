"""The mart that pages read: the portfolio by day.

`portfolio_daily` has a row a business date, version that told it last, entity, product, currency,
status and days past due.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import DUES
from loanbook.core.store.lake import LAKE
from loanbook.core.store.marts.mart import KEYS, TOUCHED, Column, Mart

COLUMNS = {
    **KEYS,
    "entity": Column(pl.Int16, "the lender's book", "code of entities"),
    "product": Column(pl.Int16, "product version that the loans pin", "code of products"),
    "currency": Column(pl.Int8, "currency of the amounts", "code of currency_names"),
    "status": Column(pl.Int8, "status of the loans", "code of status_names"),
    "days_past_due": Column(pl.Int32, "days past due of the loans", "days"),
    "loans": Column(pl.Int64, "how many loans", "count"),
    "principal": Column(pl.Int64, "their principal", "minor units"),
    "overdue": Column(pl.Int64, "what of theirs is due and unpaid", "minor units"),
}
_SUMS = f"""
    count(*)::BIGINT AS loans, sum(p.principal)::BIGINT AS principal,
    sum({" + ".join(f"p.{name}" for name in DUES)})::BIGINT AS overdue
"""
GROUPED = f"""
    SELECT l.currency, p.days_past_due, p.status, {_SUMS}
    FROM positions_at(?, ?) p JOIN loan_keys l ON l.loan_id = p.loan_id WHERE true {{where}} GROUP BY ALL ORDER BY ALL
"""
"""What the mart holds, straight from the positions of a date as known at a version."""

PORTFOLIO_ON = f"""
    WITH told AS (SELECT max(version) AS version FROM ({TOUCHED})
                  WHERE business_date = $on AND version <= $known_at)
    SELECT currency, days_past_due, status, sum(loans)::BIGINT AS loans, sum(principal)::BIGINT AS principal,
           sum(overdue)::BIGINT AS overdue
    FROM {{lake}}.portfolio_daily p, told WHERE p.version = told.version AND p.business_date = $on
    GROUP BY ALL ORDER BY ALL
""".format(lake=LAKE)
"""A date as known at a version, by currency, days past due and status; no rows: the mart lacks it."""

MART = Mart(
    "portfolio_daily",
    "Loans, principal and overdue amounts by date, product, currency, status and days past due.",
    COLUMNS,
    f"l.entity, l.product, l.currency, p.status, p.days_past_due, {_SUMS}",
)
