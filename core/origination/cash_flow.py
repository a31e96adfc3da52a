"""What bank data of an applicant come to, as of the day that they are of."""

from __future__ import annotations

import polars as pl

TRANSACTIONS = pl.Schema({
    "record": pl.String(), "day": pl.Date(), "amount": pl.Int64(), "category": pl.String(), "as_of": pl.Date(),
})  # fmt: skip
"""A row a booked transaction. `amount`: minor units, money out above zero, as Plaid has it; `category`: its primary
category; `as_of`: the day that the data are of."""
WINDOW = 90
"""Days, the last one included, over which flows are taken; a month is a third of them."""
INCOME, RETURNED = "INCOME", "RETURNED"
"""Categories of what is earned, and of a debit that came back for want of money."""


def cash_flow(transactions: pl.DataFrame) -> pl.DataFrame:
    """`record` and a column an input of the bank (`loanbook.core.catalogue.inputs`), a row a record.

    `transactions`: schema `TRANSACTIONS`, each once, none after `as_of`. Income of a year is what the window holds of it,
    brought to 365 days. Quotients are floors.
    """
    within = pl.col("day") > pl.col("as_of") - pl.duration(days=WINDOW)
    flow_in = -pl.col("amount").filter(within & (pl.col("amount") < 0)).sum()
    flow_out = pl.col("amount").filter(within & (pl.col("amount") > 0)).sum()
    earned = (
        -pl.col("amount")
        .filter(within & (pl.col("amount") < 0) & (pl.col("category") == INCOME))
        .sum()
    )
    return transactions.group_by("record", maintain_order=True).agg(
        bank_days=((pl.col("as_of").first() - pl.col("day").min()).dt.total_days() + 1).cast(
            pl.Int64
        ),
        bank_inflow_month=flow_in * 30 // WINDOW,
        bank_outflow_month=flow_out * 30 // WINDOW,
        bank_net_month=(flow_in - flow_out) * 30 // WINDOW,
        bank_income_year=earned * 365 // WINDOW,
        bank_returned_90d=(within & (pl.col("category") == RETURNED)).sum().cast(pl.Int64),
    )
