"""Instalments that a calendar moves: billed when their period ends, due on the business day after it.

In between they are owed and not late. All steps of a day take them as due on that day, so money,
orders and endings treat them as they treat any other billed instalment; late days, late fees and
what is stored go by the due date itself, which :func:`as_due` sets aside and :func:`as_agreed` gives
back. Source: the product's domain rules, Calendars.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.business_days import BusinessDay
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY

ASIDE = {
    "loan_id": pl.Int64, "instalment_no": pl.Int16, "component": pl.Int8, "agreed_date": pl.Date
}  # fmt: skip
"""Dues whose date is set aside, with the date on which they fall due."""
_OF_INSTALMENTS = [Component.principal.value, Component.interest.value, Component.tax.value]


def billed_early() -> pl.Expr:
    """Loans that are billed on a date that may lie before the due date (terms and parameters)."""
    moves = pl.col("business_day") != BusinessDay.unadjusted.value
    return moves & ~pl.col("adjust_accrual") & ~pl.col("materialised") & ~pl.col("revolving")


def billed_not_due(dues: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Dues of instalments that were billed and fall due later, with all their columns.

    `loans`: `loan_id` and `instalment_no`, the next to be billed, of loans that are
    :func:`billed_early`; `dues` with `business_date`.
    """
    cursor = loans.select("loan_id", _next="instalment_no")
    later = dues.filter(
        (pl.col("due_date") > BUSINESS_DATE)
        & (pl.col("instalment_no") > 0)
        & pl.col("component").is_in(_OF_INSTALMENTS)
    )
    return (
        later.join(cursor, on="loan_id", maintain_order="left")
        .filter(pl.col("instalment_no") < pl.col("_next"))
        .drop("_next")
    )


def as_due(
    dues: pl.DataFrame, loans: pl.DataFrame, aside: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`dues` in which instalments billed ahead fall due today, and `aside` (`ASIDE`) with their dates.

    `loans`: all of the day, terms and positions.
    """
    ahead = loans.select(billed_early()).to_series()
    if not ahead.any():
        return dues, aside
    found = billed_not_due(dues, loans.filter(ahead)).select(*DUE_KEY, agreed_date="due_date")
    if found.is_empty():
        return dues, aside
    moved = dues.join(found, on=DUE_KEY, how="left", maintain_order="left").with_columns(
        due_date=pl.when(pl.col("agreed_date").is_not_null())
        .then(BUSINESS_DATE)
        .otherwise("due_date")
    )
    return moved.select(dues.columns), pl.concat([aside, found])


def as_agreed(dues: pl.DataFrame, aside: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """`dues` with the dates that `as_due` set aside, of all that still stand for their instalment.

    What is owed of a contract that ended today (`loans`, terms) is due today.
    """
    if aside.is_empty():
        return dues
    ended = loans.filter(pl.col("accelerated_on") == BUSINESS_DATE)["loan_id"]
    dated = aside.filter(~pl.col("loan_id").is_in(ended.implode()))
    still = pl.col("due_date") == BUSINESS_DATE
    back = dues.join(dated, on=DUE_KEY, how="left", maintain_order="left").with_columns(
        due_date=pl.when(still).then(pl.coalesce("agreed_date", "due_date")).otherwise("due_date")
    )
    return back.select(dues.columns)
