"""Dues: what fell due of a loan, by instalment and component, and what is paid of it."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.frames import DATE, FLAG, KEY, MINOR, column, empty, neighbours_summed

OWN_DATE = 2**14
"""Charges that fall due on their own date are numbered from here on, by the day since the payout."""


class Dues(dy.Schema):
    """Open dues: one row per loan, instalment and component, on the date of the book."""

    loan_id = dy.Int64(primary_key=True, metadata=column("The loan that owes it", KEY))
    instalment_no = dy.Int16(
        primary_key=True,
        metadata=column(
            "The instalment that asks it; below zero: a down payment; from 16,384 on: a charge due on "
            "its own date",
            "instalment number",
        ),
    )
    component = dy.Int8(
        primary_key=True, metadata=column("What it is made of", "code of Component")
    )
    due_date = dy.Date(metadata=column("Date on which it falls due", DATE))
    amount = dy.Int64(min=0, metadata=column("What is asked", MINOR))
    paid = dy.Int64(min=0, metadata=column("What is paid of it so far", MINOR, 0))
    fee_assessed = dy.Bool(
        metadata=column("A late fee was charged on this instalment", FLAG, False)
    )


DUE_KEY = Dues.primary_key()
"""What one due is found by."""

NO_DUES = empty(Dues).with_columns(business_date=pl.lit(None, dtype=pl.Date))
"""No dues of a running day."""


def on_own_date() -> pl.Expr:
    """Dues of charges that fall due on their own date, not with an instalment."""
    return pl.col("instalment_no") >= OWN_DATE


def due_rows(
    of: pl.DataFrame,
    number: str | pl.Expr,
    component: Component | pl.Expr,
    due_date: str | pl.Expr,
    amount: str | pl.Expr,
) -> pl.DataFrame:
    """Fresh dues of a running day, one a row of `of` (`loan_id`, `business_date`), nothing paid on them."""
    code = component if isinstance(component, pl.Expr) else pl.lit(component.value)
    no = pl.col(number) if isinstance(number, str) else number
    return of.select(
        "loan_id",
        instalment_no=no.cast(pl.Int16),
        component=code.cast(pl.Int8),
        due_date=due_date,
        amount=amount,
        paid=pl.lit(0, dtype=pl.Int64),
        fee_assessed=pl.lit(False),
        business_date="business_date",
    )


def poured(money: pl.Expr, over: str | list[str]) -> pl.Expr:
    """What of all the `money` (Int64) of the rows `over` some columns meets each of them, the first first, up to its
    `amount`. Reads rows in that order."""
    before = (pl.col("amount").cum_sum() - pl.col("amount")).over(over)
    return (money.sum().over(over) - before).clip(0, pl.col("amount"))


def merge_dues(dues: pl.DataFrame, added: pl.DataFrame) -> pl.DataFrame:
    """Dues with the amounts and payments of `added` added; the key is unique in `dues`.

    Both are those of a running day, with the loans' `business_date`, in the same columns. A due keeps
    the last due date it was given. In order of the key.
    """
    if added.is_empty():
        return dues
    # sorting by one number and adding up neighbours is faster than joining on three columns
    rows = pl.concat([dues, added.select(dues.columns)]).with_columns(
        pl.col("fee_assessed").cast(pl.Int64), _key=_KEY
    )
    rows = rows.sort("_key", maintain_order=True)
    merged = neighbours_summed(rows, "_key", ["amount", "paid", "fee_assessed"])
    return merged.with_columns(pl.col("fee_assessed") > 0).drop("_key")


_KEY = (
    pl.col("loan_id") * 2**19
    + (pl.col("instalment_no").cast(pl.Int64) + 2**15) * 2**3
    + pl.col("component")
)
"""Loan, instalment and component in one number."""
