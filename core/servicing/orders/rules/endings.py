"""What forbids that a person takes a loan off the books."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.servicing.orders.rule import rule


@rule("charge_off_before_the_last_payment", kinds=(Kind.charge_off,))
def charge_off_before_the_last_payment() -> pl.Expr:
    """Money came in, or a charge was asked or waived, after the charge-off's value date: taken off the
    books before it, what was paid as agreed would become a recovery, and a loan that is charged off is
    charged no more."""
    return pl.col("value_date") < pl.col("last_money")
