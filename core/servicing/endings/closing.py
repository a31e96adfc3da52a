"""Closing at exactly zero, as overpaid while the borrower has credit."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.servicing.endings.reopening import status_owing_again
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.claim import owes_nothing
from loanbook.core.servicing.schedule.statements import open_to_draw

_NOBODY = pl.DataFrame(schema={"loan_id": pl.Int64, "earned_at_payoff": pl.Int64})


def close_at_zero(loans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Close loans that owe nothing, as `overpaid` while the borrower has credit.

    An overpaid loan that owes again, after a chargeback say, is active again; one that was charged
    off is off the books again.

    Interest that was paid before it was earned counts as earned now. Returns positions and
    `loan_id`, `earned_at_payoff` of those loans.
    """
    nothing, overpaid = owes_nothing(), pl.col("status") == Status.overpaid.value
    if not loans.select(nothing | overpaid).to_series().any():
        return loans, _NOBODY
    early = pl.when(nothing).then(-pl.col("interest_accrued")).otherwise(0)
    settled = pl.col("status") == Status.settled.value
    written_off = pl.col("written_off_on").is_not_null()
    # a line that was given up is drawn on no more
    ends = nothing & ~settled & (~open_to_draw() | written_off)
    done = loans.with_columns(earned_at_payoff=early, ends=ends)
    ended = (
        pl.when(pl.col("credit") > 0)
        .then(Status.overpaid.value)
        .when(written_off)
        .then(Status.written_off.value)
        .otherwise(Status.closed.value)
    )
    owes_again = overpaid & ~pl.col("ends")
    closed = done.with_columns(
        status=pl.when("ends")
        .then(ended.cast(pl.Int8))
        .when(owes_again)
        .then(status_owing_again())
        .otherwise("status"),
        **balances.grow_accrued(pl.col("earned_at_payoff")),
        interest_earned=pl.col("interest_earned") + pl.col("earned_at_payoff"),
        accrued_today=pl.col("accrued_today") + pl.col("earned_at_payoff"),
        period_interest=pl.when("ends").then(0).otherwise("period_interest"),
        **segment.set_earned("accrued_prepaid", where=pl.col("ends")),
    )
    earned = closed.filter(pl.col("earned_at_payoff") != 0).select("loan_id", "earned_at_payoff")
    return closed.select(loans.columns), earned
