"""A line of credit's own balances: its last statement, the grace of its cycle, its cash advances.

One group of columns with one owner: `statement_unpaid`, `in_grace`, `cash_advances`. Others call these
functions, each of which gives columns for `with_columns`, read off the frame as it is; minor units.
"""

from __future__ import annotations

import polars as pl

Columns = dict[str, pl.Expr]


def state(balance: pl.Expr, where: pl.Expr) -> Columns:
    """A statement of lines `where` asks a `balance`; none of it is paid yet."""
    return {"statement_unpaid": pl.when(where).then(balance).otherwise("statement_unpaid")}


def add_to_statement(by: pl.Expr) -> Columns:
    """The last statement has so much more to be paid."""
    return {"statement_unpaid": pl.col("statement_unpaid") + by}


def pay_statement(by: pl.Expr) -> Columns:
    """So much money came, and meets the last statement."""
    return {"statement_unpaid": (pl.col("statement_unpaid") - by).clip(lower_bound=0)}


def judge_grace(paid: pl.Expr, where: pl.Expr) -> Columns:
    """Whether the cycles of lines `where` bear no interest: their statement was `paid`."""
    return {"in_grace": pl.when(where).then(paid).otherwise("in_grace")}


def draw_cash(by: pl.Expr) -> Columns:
    """So much of the principal more is of cash advances."""
    return {"cash_advances": pl.col("cash_advances") + by}


def cap_cash_advances(left: pl.Expr | str) -> Columns:
    """Cash advances are no more than is `left` of them, nor than the principal."""
    return {"cash_advances": pl.min_horizontal(left, "principal")}


def extinguish(where: pl.Expr) -> Columns:
    """Nothing is asked of lines `where`, and none of it is of cash advances."""
    return {
        name: pl.when(where).then(0).otherwise(name)
        for name in ("statement_unpaid", "cash_advances")
    }
