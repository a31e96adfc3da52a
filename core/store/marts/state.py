"""The book at month ends, by the month in which loans were made: what cohorts and pools are read from."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import DUES, Component
from loanbook.core.store.marts.changes import COHORT, of_table
from loanbook.core.store.marts.mart import KEYS, LOAN, Column, Mart
from loanbook.core.store.marts.portfolio_daily import STANDING

COHORT_COLUMN = Column(
    pl.Date, "month in which the loans were made, its first day", "date", "b.cohort"
)
MART = Mart(
    "state",
    "Every month end by product, currency, month of origination, status and days past due: loans, "
    "principal, what is due and unpaid.",
    {
        **KEYS,
        **LOAN,
        "cohort": COHORT_COLUMN,
        **STANDING,
        "interest_accrued": Column(
            pl.Int64, "interest earned and not billed", "minor units", total_of="p.interest_accrued"
        ),
        **{
            name: Column(
                pl.Int64, f"{each.row.meaning.lower()}", "minor units", total_of=f"p.{name}"
            )
            for name, each in DUES.items()
            if each in {Component.principal, Component.interest}
        },
    },
    of_table("positions", month_ends=True, joins=COHORT),
)
