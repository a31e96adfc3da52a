"""What money met: allocations by date, component and whether it was late, due or in advance."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.marts.changes import COHORT, of_table
from loanbook.core.store.marts.mart import KEYS, LOAN, Column, Mart
from loanbook.core.store.marts.state import COHORT_COLUMN

MART = Mart(
    "collections",
    "What money met, by date, product, currency, month of origination, component and timing: past due, "
    "due, in advance, or given up before.",
    {
        **KEYS,
        **LOAN,
        "cohort": COHORT_COLUMN,
        "component": Column(
            pl.Int8,
            "what it met; null: the borrower's credit",
            "code of component_names",
            "p.component",
        ),
        "timing": Column(
            pl.Int8, "where that stood when the money came", "code of Timing", "p.timing"
        ),
        "amount": Column(pl.Int64, "money that met it", "minor units", total_of="p.amount"),
    },
    of_table("allocations", joins=COHORT),
)
