"""What a payoff asks of interest: to the date, of the whole schedule less a rebate, or of the period."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Rebate, Status
from loanbook.core.contract.rule_of_78 import rule_of_78
from loanbook.core.contract.schedule.cursor import CURSOR, from_the_start
from loanbook.core.contract.schedule.expansion import expand, expand_from
from loanbook.core.contract.schedule.periods import Calendars
from loanbook.core.servicing.interest.accrual import earned
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE


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
