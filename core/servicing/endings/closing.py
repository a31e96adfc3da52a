"""Endings: a plain charge-off by command, and closing at exactly zero."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import (
    COMES_BACK,
    GIVEN_UP,
    MONEY_IN,
    AfterChargeOff,
    Kind,
    Status,
)
from loanbook.core.contract.business_days import Calendar
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import claim, owes_nothing
from loanbook.core.servicing.schedule.billing import caught_up
from loanbook.core.servicing.schedule.statements import open_to_draw

REOPENING = (
    *MONEY_IN,
    Kind.chargeback,
    Kind.credit_refunded,
    Kind.charge_assessed,
    Kind.reopened,
)
"""Kinds of event that bring an ended loan back into the book."""


def charge_off(loans: pl.DataFrame, commands: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take active loans off the books; the claim lives on, as the product's `after_charge_off`.

    `commands`: `loan_id`, `event_id`. Returns positions and the charged-off loans with
    `event_id`, as they stood. A loan that is not active is left alone.
    """
    hit = loans.filter(pl.col("status") == Status.active).join(commands, on="loan_id")
    if hit.is_empty():
        return loans, hit
    marked = pl.col("loan_id").is_in(hit["loan_id"].implode())
    stops = marked & (pl.col("after_charge_off") != AfterChargeOff.regular.value)
    frozen = loans.with_columns(
        off_books=pl.when(marked).then(claim()).otherwise("off_books"),
        status=pl.when(marked)
        .then(pl.lit(Status.charged_off.value, dtype=pl.Int8))
        .otherwise("status"),
        charged_off_on=pl.when(marked).then(BUSINESS_DATE).otherwise("charged_off_on"),
        period_interest=pl.when(stops).then(0).otherwise("period_interest"),
        **segment.stop(where=stops),
    )
    return frozen, hit


def _living() -> pl.Expr:
    """Status of a loan that owes again: a charge-off lasts."""
    off = pl.col("charged_off_on").is_not_null()
    return pl.when(off).then(Status.charged_off.value).otherwise(Status.active.value).cast(pl.Int8)


def extinguished(loans: pl.DataFrame, ids: pl.Series, status: Status) -> pl.DataFrame:
    """Positions with the whole claim of loans `ids` given up, and their `status` from now on.

    One whose borrower has credit is overpaid: the credit is still owed.
    """
    hit = pl.col("loan_id").is_in(ids.implode())
    return loans.with_columns(
        **balances.extinguish(hit),
        **line.extinguish(hit),
        period_interest=pl.when(hit).then(0).otherwise("period_interest"),
        prepaid_dues=pl.when(hit).then(0).otherwise("prepaid_dues"),
        **segment.set_earned_of_advances(0, where=hit),
        **segment.set_earned("accrued_prepaid", where=hit),
        status=pl.when(hit & (pl.col("credit") > 0))
        .then(Status.overpaid.value)
        .when(hit)
        .then(status.value)
        .otherwise("status")
        .cast(pl.Int8),
    )


def left_behind(settled: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Dues of ended loans that were to come after their `business_date`: they stand if the loan comes back.

    `settled`: dues with `business_date`; `gone`: positions of ended loans. Of what was given up, what was
    paid stands.
    """
    theirs = settled.join(gone.select("loan_id", "status"), on="loan_id").filter(
        pl.col("due_date") > BUSINESS_DATE
    )
    given = pl.col("status").is_in(GIVEN_UP)
    kept = theirs.with_columns(amount=pl.when(given).then("paid").otherwise("amount"))
    return kept.filter(~given | (pl.col("paid") > 0)).select(settled.columns)


@dataclass(frozen=True)
class Reopened:
    """Ended loans that something brings back, and those that stay aside; with the dues of each."""

    back: pl.DataFrame
    dues: pl.DataFrame
    aside: pl.DataFrame
    dues_aside: pl.DataFrame


def reopened(
    aside: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame, calendars: dict[int, Calendar]
) -> Reopened:
    """Ended loans (terms and last positions) that `events` bring back: active again, or off the books.

    What happened outside is always taken in. `dues` are those to come when the loans ended. Their
    cursor stands in the period of the day, as if they had stayed.
    """
    busy = events.filter(pl.col("kind").is_in([k.value for k in REOPENING]))["loan_id"]
    hit = pl.col("loan_id").is_in(busy.implode()) & pl.col("status").is_in(COMES_BACK)
    back = aside.filter(hit).with_columns(status=_living())
    ours = pl.col("loan_id").is_in(back["loan_id"].implode())
    if back.height:
        day = events.filter(ours).select("loan_id", came="value_date").unique("loan_id")
        told = back.drop("business_date", strict=False).join(
            day, on="loan_id", maintain_order="left"
        )
        moved = caught_up(told.rename({"came": "business_date"}), dues.filter(ours), calendars)
        back = moved.select(back.columns)
    return Reopened(back, dues.filter(ours), aside.filter(~ours), dues.filter(~ours))


def close_at_zero(loans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Close loans that owe nothing, as `overpaid` while the borrower has credit.

    An overpaid loan that owes again, after a chargeback say, is active again; one that was charged
    off is off the books again.

    Interest that was paid before it was earned counts as earned now. Returns positions and
    `loan_id`, `earned_at_payoff` of those loans.
    """
    early = pl.when(owes_nothing()).then(-pl.col("interest_accrued")).otherwise(0)
    ends = owes_nothing() & ~pl.col("status").is_in(GIVEN_UP) & ~open_to_draw()
    done = loans.with_columns(earned_at_payoff=early, ends=ends)
    ended = pl.when(pl.col("credit") > 0).then(Status.overpaid.value).otherwise(Status.closed.value)
    owes_again = (pl.col("status") == Status.overpaid) & ~pl.col("ends")
    closed = done.with_columns(
        status=pl.when("ends")
        .then(ended.cast(pl.Int8))
        .when(owes_again)
        .then(_living())
        .otherwise("status"),
        **balances.grow_accrued(pl.col("earned_at_payoff")),
        interest_earned=pl.col("interest_earned") + pl.col("earned_at_payoff"),
        accrued_today=pl.col("accrued_today") + pl.col("earned_at_payoff"),
        period_interest=pl.when("ends").then(0).otherwise("period_interest"),
        **segment.set_earned("accrued_prepaid", where=pl.col("ends")),
    )
    earned = closed.filter(pl.col("earned_at_payoff") != 0).select("loan_id", "earned_at_payoff")
    return closed.select(loans.columns), earned
