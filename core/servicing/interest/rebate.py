"""What a payoff asks of interest: to the date, of the whole schedule less a rebate, or of the period; and what it
gives back of interest that was paid before it was earned."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Rebate, Status
from loanbook.core.contract.schedule.cursor import CURSOR, from_the_start
from loanbook.core.contract.schedule.expansion import expand, expand_from
from loanbook.core.contract.schedule.periods import Calendars
from loanbook.core.contract.schedule.rule_of_78 import rule_of_78
from loanbook.core.servicing.interest.accrual import earned
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import claim


def without_rebate(loans: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
    """What a payoff asks of interest, where that is not interest to the date.

    Scheduled products that give no rebate ask all interest of the schedule, or all less the sum of
    the digits; daily ones may ask the running period's to its end, on `owed_before` the money. What was paid before it was
    earned is not given back. Of a claim that was given up the schedule asks nothing any more.
    """
    # money that does not reach the principal settles nothing, whatever the interest
    reaches = pl.col("money") >= pl.col("rest_principal") + pl.col("stands") + pl.col("charges")
    stands = (pl.col("status") != Status.charged_off.value) & pl.col("written_off_on").is_null()
    live = loans.filter(stands & reaches)
    rests = [
        *_of_the_schedule(
            live.filter(
                pl.col("rebate").is_in([Rebate.none.value, Rebate.rule_of_78.value])
                & (pl.col("interest_mode") == InterestMode.scheduled.value)
            ),
            calendars,
        ),
        *_of_the_period(live.filter(pl.col("rebate") == Rebate.full_period.value)),
    ]
    if not rests:
        return loans
    return (
        loans.join(pl.concat(rests), on="loan_id", how="left", maintain_order="left")
        .with_columns(
            interest_off=(pl.col("all_interest") - pl.col("accrued_prepaid"))
            .clip(lower_bound=0)
            .fill_null(pl.col("interest_off"))
        )
        .drop("all_interest")
    )


def given_back(loans: pl.DataFrame, money: pl.DataFrame) -> pl.DataFrame:
    """What a payoff gives back of interest that was paid before it was earned: `loan_id`, `event_id`, `to_principal`
    and `to_credit` (Int64, minor units), which sum to it.

    `money`: `loan_id`, `event_id`, `amount`. A fixed schedule with an actuarial rebate asks interest to the day; who
    paid instalments ahead paid interest of nights to come. It pays principal, and what is more than that is the
    borrower's credit. Source: the product's domain rules, Payoff(d); 15 USC 1615(a) for the refund.
    """
    ahead = (
        (pl.col("interest_accrued") < 0)
        & (pl.col("interest_mode") == InterestMode.scheduled.value)
        & (pl.col("rebate") == Rebate.actuarial.value)
        & (pl.col("status") == Status.active.value)
        & pl.col("written_off_on").is_null()
    )
    paid_off = (
        loans.filter(ahead)
        .join(money.select("loan_id", "event_id", money="amount"), on="loan_id")
        .filter(pl.col("money") >= claim())
    )
    unearned, rest = -pl.col("interest_accrued"), pl.col("principal") - pl.col("principal_due")
    to_principal = pl.min_horizontal(unearned, rest)
    return paid_off.select(
        "loan_id", "event_id", to_principal=to_principal, to_credit=unearned - to_principal
    )


def without_unearned(loans: pl.DataFrame, back: pl.DataFrame) -> pl.DataFrame:
    """Positions after `back` (`given_back`): as if the money had paid so much principal at once."""
    if back.is_empty():
        return loans
    whole = pl.col("to_principal") + pl.col("to_credit")
    told = back.drop("event_id")
    joined = loans.join(told, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("to_principal", "to_credit").fill_null(0)
    )
    return joined.with_columns(
        **balances.grow_principal(-pl.col("to_principal")),
        **balances.grow_accrued(whole),
        **segment.prepay(-whole),
        credit=pl.col("credit") + pl.col("to_credit"),
        principal_paid=pl.col("principal_paid") + pl.col("to_principal"),
        interest_paid=pl.col("interest_paid") - whole,
    ).select(loans.columns)


def _of_the_schedule(loans: pl.DataFrame, calendars: Calendars) -> list[pl.DataFrame]:
    """`loan_id`, `all_interest` of the instalments to come, less the rebate."""
    if loans.is_empty():
        return []
    coming = expand_from(loans, calendars=calendars)
    rest = coming.group_by("loan_id").agg(all_interest=pl.col("interest").sum())
    digits = loans.filter(pl.col("rebate") == Rebate.rule_of_78.value)
    if digits.is_empty():
        return [rest]
    from_start = from_the_start(digits.drop(CURSOR))
    total = expand(from_start, calendars).group_by("loan_id").agg(charge=pl.col("interest").sum())
    begun = (pl.col("period_start") < BUSINESS_DATE).cast(pl.Int64)
    left = (pl.col("instalments").cast(pl.Int64) - pl.col("instalment_no") + 1 - begun).clip(0)
    given = digits.join(total, on="loan_id").select(
        "loan_id", given=rule_of_78(pl.col("charge"), pl.col("instalments"), left)
    )
    return [
        rest.join(given, on="loan_id", how="left").select(
            "loan_id", all_interest=pl.col("all_interest") - pl.col("given").fill_null(0)
        )
    ]


def _of_the_period(loans: pl.DataFrame) -> list[pl.DataFrame]:
    """`loan_id`, `all_interest` of the running period to its end, as if nothing were paid today."""
    if loans.is_empty():
        return []
    whole = earned(
        loans.with_columns(business_date="period_end", **balances.set_principal("owed_before"))
    )
    return [loans.select("loan_id", all_interest=whole + loans["accrued_prepaid"])]
