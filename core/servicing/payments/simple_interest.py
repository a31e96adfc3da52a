"""Simple interest that is due at payment: what money finds earned to its day is owed first.

A product with `interest_due_at: payment_date` lets its schedule set the minimum due and no more. Each
payment is a rounding point, and pays all interest that is earned to its day before any principal. So
what the open instalments ask stays, oldest first, and what it is made of follows: interest as far as
it goes, whichever night it is of, then principal. Interest beyond all that is asked is not past due;
it stays earned, and is met first next time. With no instalment open it is paid ahead of the next one,
as money in advance is. Source: the product's domain rules, Interest.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component, is_, of_schedule
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
    paying = (
        pl.col("due_at_payment")
        & (pl.col("status") == Status.active.value)
        & pl.col("loan_id").is_in(money["loan_id"].implode())
        & (pl.col("interest_accrued") + pl.col("interest_due") > 0)
    )
    mask = day.loans.select(paying).to_series()
    if not mask.any():
        return
    before = close_segment(day.loans.filter(mask))
    demanded = _on_open_instalments(before, day.dues)
    sums = demanded.group_by("loan_id").agg(moved=pl.col("more").sum())
    joined = before.join(sums, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("moved").fill_null(0)
    )
    after = joined.with_columns(
        **balances.bill_interest(pl.col("moved")),
        **balances.grow_due(Component.principal, -pl.col("moved")),
        **segment.set_earned(
            pl.col("interest_accrued") - pl.col("moved") + pl.col("accrued_prepaid")
        ),
    )
    day.loans = replaced(day.loans, mask, day.loans.filter(mask), after.select(before.columns))
    rows = [
        due_rows(demanded, "instalment_no", component, "due_date", amount)
        for component, amount in (
            (Component.interest, pl.col("more")),
            (Component.principal, -pl.col("more")),
        )
    ]
    day.dues = merge_dues(day.dues, pl.concat(rows))
    day.book_within_claim(sums, "interest_due", "interest_accrued", "moved")
    ask_tax(
        day,
        demanded.select(
            *KEYS,
            "due_date",
            base="untaxed",
            component=pl.lit(Component.interest.value, dtype=pl.Int8),
        ).filter(pl.col("base") > 0),
    )


def _on_open_instalments(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """By open instalment, oldest first, `more` interest in place of as much principal (below zero:
    less), and what of it is `untaxed`, for it was not asked before.

    `loans`: `interest_accrued` to the day. Each instalment asks what it did.
    """
    earned = loans.select("loan_id", "business_date", earned="interest_accrued")
    fallen = dues.filter(
        (pl.col("due_date") <= BUSINESS_DATE) & (pl.col("amount") > pl.col("paid"))
    )
    unpaid = pl.col("amount") - pl.col("paid")
    interest = unpaid.filter(is_(Component.interest)).sum()
    instalments = (
        fallen.filter(of_schedule())
        .group_by("loan_id", "instalment_no", "due_date")
        .agg(asked=unpaid.sum(), interest=interest)
        .join(earned, on="loan_id")
        .sort("loan_id", "due_date", "instalment_no")
    )
    owed = pl.col("earned") + pl.col("interest").sum().over("loan_id")
    before = pl.col("asked").cum_sum().over("loan_id") - pl.col("asked")
    holds = pl.min_horizontal("asked", owed - before).clip(lower_bound=0)
    moved = instalments.with_columns(more=holds - pl.col("interest"))
    fresh = pl.col("more").sum().over("loan_id")
    grows = pl.col("more").clip(lower_bound=0)
    earlier = grows.cum_sum().over("loan_id") - grows
    untaxed = pl.min_horizontal(grows, fresh - earlier).clip(lower_bound=0)
    return moved.with_columns(untaxed=untaxed).filter(pl.col("more") != 0)
