"""The night before a day: interest is earned and deferred income is recognised, for every loan."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.income.deferred_income import recognise
from loanbook.core.servicing.interest.accrual import accrue


def pass_night(wide: pl.DataFrame) -> pl.DataFrame:
    """`wide` (terms, positions and `business_date`) on its `business_date`, as the night before left it."""
    return recognise(accrue(wide))
