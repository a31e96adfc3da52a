"""Who may order: two people, or one within the product's approvals."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.orders.rule import rule


@rule("needs_a_second_person")
def needs_a_second_person() -> pl.Expr:
    """No second person checked it, and it isn't less than what one person may order alone.

    No one moves money or changes a contract alone; a product's `approvals` let one person give
    small sums. Source: Basel Committee, Framework for Internal Control Systems (1998), principle 6.
    """
    small = (pl.col("amount") < pl.col("alone_below")).fill_null(False)
    return pl.col("checked").eq(False) & ~small
