"""Simple interest that is due at payment: what money finds earned to its day is owed first.

A product with `interest_due_at: payment_date` lets its schedule set the minimum due and no more. Each
payment is a rounding point: nights since the last billing become interest of the instalments that
are open, in place of as much of their principal, and the fraction is dropped. With no instalment open
they are paid ahead of the next one, as money in advance is. Source: the product's domain rules, Interest.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component, is_principal, of_schedule
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax

KEYS = ["loan_id", "instalment_no"]


def due_now(day: DayState, money: pl.DataFrame) -> None:
    """Make interest earned to the day due for loans that `money` (`loan_id`) comes for."""
    hit = (
        pl.col("due_at_payment")
        & (pl.col("status") == Status.active.value)
        & pl.col("loan_id").is_in(money["loan_id"].implode())
        & (pl.col("interest_accrued") > 0)
    )
    at = day.loans.select(hit).to_series()
    if not at.any():
        return
    before = close_segment(day.loans.filter(at))
    asked = _on_open_instalments(before, day.dues)
    sums = asked.group_by("loan_id").agg(moved=pl.col("more").sum(), less=pl.col("less").sum())
    joined = before.join(sums, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("moved", "less").fill_null(0)
    )
    after = joined.with_columns(
        **balances.bill_interest(pl.col("moved")),
        **balances.grow_due(Component.principal, -pl.col("less")),
        **segment.set_earned(
            pl.col("interest_accrued") - pl.col("moved") + pl.col("accrued_prepaid")
        ),
    )
    day.loans = replaced(day.loans, at, day.loans.filter(at), after.select(before.columns))
    rows = [
        due_rows(asked, "instalment_no", component, "due_date", amount)
        for component, amount in (
            (Component.interest, pl.col("more")),
            (Component.principal, -pl.col("less")),
        )
    ]
    day.dues = merge_dues(day.dues, pl.concat(rows))
    day.book(sums, "interest_due", "interest_accrued", "moved")
    ask_tax(
        day,
        asked.select(
            *KEYS,
            "due_date",
            base="more",
            component=pl.lit(Component.interest.value, dtype=pl.Int8),
        ),
    )


def _on_open_instalments(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """By open instalment, oldest first, `more` interest in place of `less` principal; what their
    principal does not hold is the oldest one's."""
    earned = loans.select("loan_id", "business_date", earned="interest_accrued")
    fallen = dues.filter(
        (pl.col("due_date") <= BUSINESS_DATE) & (pl.col("amount") > pl.col("paid"))
    )
    unpaid = pl.col("amount") - pl.col("paid")
    principal = unpaid.filter(is_principal()).sum()
    open_ = (
        fallen.filter(of_schedule())
        .group_by("loan_id", "instalment_no", "due_date")
        .agg(principal=principal)
        .join(earned, on="loan_id")
        .sort("loan_id", "due_date", "instalment_no")
    )
    before = pl.col("principal").cum_sum().over("loan_id") - pl.col("principal")
    less = pl.min_horizontal("principal", pl.col("earned") - before).clip(lower_bound=0)
    poured = open_.with_columns(less=less)
    rest = pl.col("earned") - pl.col("less").sum().over("loan_id")
    oldest = pl.col("instalment_no") == pl.col("instalment_no").first().over("loan_id")
    return poured.with_columns(
        more=pl.col("less") + pl.when(oldest).then(rest).otherwise(0)
    ).filter(pl.col("more") > 0)
