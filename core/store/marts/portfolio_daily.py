"""The portfolio by day: a row a date, entity, product, currency, status and days past due."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import DUES
from loanbook.core.store.marts.changes import of_table
from loanbook.core.store.marts.mart import KEYS, LOAN, Column, Mart

OVERDUE = " + ".join(f"p.{name}" for name in DUES)
"""What is due of a position and unpaid."""
STANDING = {
    "status": Column(pl.Int8, "status of the loans", "code of status_names", "p.status"),
    "days_past_due": Column(pl.Int32, "days past due of the loans", "days", "p.days_past_due"),
    "loans": Column(pl.Int64, "how many loans", "count", total_of="1"),
    "principal": Column(pl.Int64, "their principal", "minor units", total_of="p.principal"),
    "overdue": Column(
        pl.Int64, "what of theirs is due and unpaid", "minor units", total_of=OVERDUE
    ),
}
MART = Mart(
    "portfolio_daily",
    "Loans, principal and overdue amounts by date, product, currency, status and days past due.",
    {**KEYS, **LOAN, **STANDING},
    of_table("positions"),
)
_SUMS = f"""
    count(*)::BIGINT AS loans, sum(p.principal)::BIGINT AS principal, sum({OVERDUE})::BIGINT AS overdue
"""
GROUPED = f"""
    SELECT l.entity, l.product, l.currency, p.days_past_due, p.status, {_SUMS}
    FROM positions_at(?, ?) p JOIN loan_keys l ON l.loan_id = p.loan_id WHERE true {{where}} GROUP BY ALL ORDER BY ALL
"""
"""What the mart holds, straight from the positions of a date as known at a version."""
PORTFOLIO_ON = """
    SELECT entity, product, currency, days_past_due, status, sum(loans)::BIGINT AS loans,
           sum(principal)::BIGINT AS principal, sum(overdue)::BIGINT AS overdue
    FROM portfolio_daily WHERE version <= $known_at AND business_date = $on
    GROUP BY ALL HAVING sum(loans) <> 0 OR sum(principal) <> 0 OR sum(overdue) <> 0 ORDER BY ALL
"""
"""A date as known at a version; no rows: the mart lacks it, or nothing is lent."""
