"""What a line of credit may be asked, and what other loans may not."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import CHANGES, Kind
from loanbook.core.servicing.orders.rule import rule

_OF_LINES = (Kind.rate_changed, Kind.rate_reset, Kind.interest_paused, Kind.limit_changed)
"""Changes that a line of credit knows; others change a schedule, and it has none."""
_OF_SCHEDULES = tuple(k for k in (*CHANGES, Kind.fee_capitalised) if k not in _OF_LINES)


@rule("no_line_of_credit", kinds=(Kind.limit_changed,))
def no_line_of_credit() -> pl.Expr:
    """The loan is no line of credit: what was agreed is lent once, so it has no limit to change."""
    return ~pl.col("revolving")


@rule("a_line_has_no_schedule", kinds=_OF_SCHEDULES)
def a_line_has_no_schedule() -> pl.Expr:
    """The loan is a line of credit: each statement asks for its own payment, so there is no schedule
    to extend, to move, to spread anew or to add a fee to."""
    return pl.col("revolving")


@rule("less_than_the_day_pays_out", kinds=(Kind.limit_changed,))
def less_than_the_day_pays_out() -> pl.Expr:
    """A payout of the value date is ordered already that the new limit would not leave: the limit
    counts from the day on. Take the payout back, or order the limit for a later day."""
    return (pl.col("paid_out") > 0) & (pl.col("lent") > pl.col("amount"))


@rule("draw_period_is_over", kinds=(Kind.disbursed,))
def draw_period_is_over() -> pl.Expr:
    """The line's draw period has passed: what was drawn is paid back, and no more is lent.

    The agreement names the period (for home equity plans 12 CFR 1026.40(d)(5)).
    """
    return pl.col("revolving") & (pl.col("instalment_no") > pl.col("instalments_agreed"))


@rule("the_product_has_no_advances")
def the_product_has_no_advances() -> pl.Expr:
    """A cash advance of a product that has no rate for them: it would bear none that was agreed."""
    return pl.col("advance") & (pl.col("cash_advance_margin") == 0)
