"""Fees by policy: late fees, in the first close after their grace, after the day's money; annual
fees, on the anniversary of the payout; origination fees, at the payout; and what an early payoff
costs."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component, of_schedule
from loanbook.core.contract.due_dates import add_months
from loanbook.core.contract.money import PPB, int128, share_of
from loanbook.core.contract.schedule import CURSOR, expand
from loanbook.core.servicing.charges.ordered import assess
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax, place


def assess_late_fees(day: DayState) -> None:
    """Charge instalments with today - due date > grace that were not charged before.

    On the instalment's unpaid principal and interest, with floor and cap, as the law of the loan's
    place has it; never because of an earlier fee alone.
    """
    fees = day.policies.late_fees
    if not day.concerns(fees):
        return
    claims = day.loans.filter(pl.col("status") == Status.active).select(
        "loan_id", "product", place(day.policies.places)
    )
    late = (
        day.dues.filter(
            of_schedule()
            & ~pl.col("fee_assessed")
            & (pl.col("amount") > pl.col("paid"))
            & (pl.col("due_date") < BUSINESS_DATE)
        )
        .join(claims, on="loan_id")
        .join(fees, on=["product", "place"])
        .filter((BUSINESS_DATE - pl.col("due_date")).dt.total_days() > pl.col("fee_grace"))
    )
    if late.is_empty():
        return
    unpaid = late.group_by("loan_id", "instalment_no", maintain_order=True).agg(
        *(pl.col(c).first() for c in fees.columns if c != "product"),
        base=(pl.col("amount") - pl.col("paid")).sum(),
        due_date=pl.col("due_date").first(),
        business_date=BUSINESS_DATE.first(),
    )
    charged = unpaid.with_columns(fee=_amount(unpaid))
    keys = ["loan_id", "instalment_no"]
    marked = day.dues.join(
        charged.select(*keys, hit=pl.lit(True)), on=keys, how="left"
    ).with_columns(fee_assessed=pl.col("fee_assessed") | pl.col("hit").fill_null(False))
    asked = charged.filter(pl.col("fee") > 0)
    penalties = due_rows(asked, "instalment_no", Component.penalty, "due_date", "fee")
    penalties = penalties.with_columns(fee_assessed=pl.lit(True))
    day.dues = merge_dues(marked.select(day.dues.columns), penalties)
    per_loan = charged.group_by("loan_id").agg(pl.col("fee").sum())
    day.loans = (
        day.loans.join(per_loan, on="loan_id", how="left", maintain_order="left")
        .with_columns(**balances.grow_due(Component.penalty, pl.col("fee").fill_null(0)))
        .drop("fee")
    )
    day.book(per_loan, "penalties_receivable", "penalty_income", "fee")
    ask_tax(day, penalties.with_columns(base="amount"))


def _share(asked: pl.DataFrame) -> pl.Expr:
    """`fee_ppb` of `base`, rounded once as `fee_rounding` says."""
    return share_of(asked, int128(pl.col("base")) * int128(pl.col("fee_ppb")), PPB, "fee_rounding")


def _amount(asked: pl.DataFrame) -> pl.Expr:
    """The share of the base and the flat sum, between floor and cap."""
    whole = _share(asked) + pl.col("fee_flat")
    return pl.min_horizontal(pl.max_horizontal(whole, "fee_min"), "fee_max")


def next_anniversary(date: pl.Expr) -> pl.Expr:
    """The first anniversary of the payout after `business_date`; reads `disbursed_on`."""
    start = pl.col("disbursed_on")
    years = (date.dt.year() - start.dt.year()).cast(pl.Int32).clip(lower_bound=1)

    def after(n: pl.Expr) -> pl.Expr:
        return add_months(start, n * 12, start.dt.day(), pl.lit(False))

    return pl.when(after(years) > date).then(after(years)).otherwise(after(years + 1))


def is_anniversary() -> pl.Expr:
    """Loans whose payout has an anniversary today."""
    return next_anniversary(BUSINESS_DATE - pl.duration(days=1)) == BUSINESS_DATE


def assess_annual_fees(day: DayState) -> None:
    """Charge living loans on the anniversaries of their payout, with the next instalment."""
    fees = day.policies.annual_fees
    if not day.concerns(fees):
        return
    living = pl.col("status") == Status.active.value
    charged = pl.col("product").is_in(fees["product"].unique().implode())
    some = day.loans.filter(living & charged).filter(is_anniversary())
    asked = some.with_columns(place(day.policies.places)).join(fees, on=["product", "place"])
    if asked.is_empty():
        return
    of = pl.when("fee_of_agreed").then("principal_agreed").otherwise("principal")
    based = asked.with_columns(base=of)
    told = based.select(
        "loan_id",
        event_id=pl.lit(0, dtype=pl.Int64),
        amount=_amount(based),
        component=pl.lit(Component.fee.value, dtype=pl.Int8),
        due_date=BUSINESS_DATE,
    )
    assess(day, told.filter(pl.col("amount") > 0).sort("loan_id"))


def prepayment_fees(day: DayState, settled: pl.DataFrame) -> pl.DataFrame:
    """What early payoffs cost: `loan_id`, `event_id`, `amount` (Int64), above zero alone.

    `settled`: `loan_id`, `event_id`, `prepaid` (Int64): principal that was not due yet.
    """
    loans = day.loans.with_columns(place(day.policies.places))
    based = (
        settled.join(loans, on="loan_id", maintain_order="left")
        .join(day.policies.prepayment_fees, on=["product", "place"], maintain_order="left")
        .filter(
            (pl.col("instalment_no") <= pl.col("fee_within"))
            & (pl.col("instalment_no") <= pl.col("instalments"))
            & (pl.col("prepaid") > 0)
        )
        .with_columns(base=pl.when("fee_of_agreed").then("principal_agreed").otherwise("prepaid"))
    )
    if based.is_empty():
        return settled.select("loan_id", "event_id", amount="prepaid").clear()
    told = based.select("loan_id", "event_id", amount=_amount(based))
    return told.filter(pl.col("amount") > 0)


def origination_fees(paying: pl.DataFrame, fees: pl.DataFrame) -> pl.DataFrame:
    """What payouts cost: `loan_id`, `event_id`, `fee` (Int64), `fee_deducted`, `fee_deferred`.

    Rows above zero alone.

    `paying`: terms and positions before the payout, with `event_id` and `payout`. `fees`:
    `PolicyBook.origination_fees`. A percentage of interest is of the schedule as agreed.
    """
    first = (pl.col("principal") == 0) & (pl.col("principal_paid") == 0)
    asked = paying.join(fees, on="product").filter(first | pl.col("fee_each"))
    no = pl.lit(False)
    nothing = paying.select(
        "loan_id", "event_id", fee="payout", fee_deducted=no, fee_deferred=no
    ).clear()
    if asked.is_empty():
        return nothing
    asked = asked.with_columns(borne=pl.lit(0, dtype=pl.Int64))
    of_interest = asked.filter("fee_of_interest")
    if of_interest.height:
        rows = expand(of_interest.drop(CURSOR)).group_by("loan_id").agg(pl.col("interest").sum())
        asked = asked.join(rows, on="loan_id", how="left", maintain_order="left").with_columns(
            borne=pl.col("interest").fill_null(0)
        )
    based = asked.with_columns(
        base=pl.when("fee_of_payout").then("payout").otherwise(0)
        + pl.when("fee_of_interest").then("borne").otherwise(0)
    )
    return based.with_columns(fee=_amount(based)).filter(pl.col("fee") > 0).select(nothing.columns)
