"""The claim's balances: what is owed and due, by component.

One group of columns with one owner: `principal`, `interest_accrued` (earned and not billed), for each
component what is due of it (`principal_due`, `interest_due`, `fees_due`, ...), and of principal the down
payments due that bear no interest (`down_payment_due`). Others call these functions, each of which gives
columns for `with_columns`, read off the frame as it is; amounts in minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import CLAIM_ROLES, DUES, Component

Amount = pl.Expr | pl.Series | str | int
Columns = dict[str, pl.Expr | pl.Series]


def grow_due(component: Component, by: pl.Expr) -> Columns:
    """So much more is due of a component; below zero: less."""
    return {component.due: pl.col(component.due) + by}


def set_due(
    component: Component, amount: Amount, where: pl.Expr | pl.Series | None = None
) -> Columns:
    """So much is due of a component, whatever was."""
    return _set(component.due, amount, where)


def grow_principal(by: pl.Expr) -> Columns:
    """So much more principal is owed; below zero: less."""
    return {"principal": pl.col("principal") + by}


def set_principal(amount: Amount) -> Columns:
    """So much principal is owed, whatever was."""
    return _set("principal", amount, None)


def set_down_payment_due(amount: Amount, where: pl.Expr | None = None) -> Columns:
    """So much of down payments is due and bears no interest, whatever was."""
    return _set("down_payment_due", amount, where)


def grow_accrued(by: pl.Expr) -> Columns:
    """So much more interest is earned and not billed; below zero: less."""
    return {"interest_accrued": pl.col("interest_accrued") + by}


def set_accrued(amount: Amount, where: pl.Expr | None = None) -> Columns:
    """So much interest is earned and not billed, whatever was."""
    return _set("interest_accrued", amount, where)


def bill_interest(by: pl.Expr) -> Columns:
    """So much of the interest that was earned is due now; below zero: it is not due any more."""
    return grow_due(Component.interest, by) | grow_accrued(-by)


def extinguish(where: pl.Expr) -> Columns:
    """Nothing is owed by loans `where`, of any component."""
    columns = dict.fromkeys((*CLAIM_ROLES, *DUES, "down_payment_due"))
    return {name: pl.when(where).then(0).otherwise(name) for name in columns}


def _set(column: str, amount: Amount, where: pl.Expr | pl.Series | None) -> Columns:
    if isinstance(amount, pl.Series):
        return {column: amount}
    value = pl.lit(amount, dtype=pl.Int64) if isinstance(amount, int) else amount
    value = pl.col(value) if isinstance(value, str) else value
    return {column: value if where is None else pl.when(where).then(value).otherwise(column)}
