"""Stops: the next date on which more happens to a loan than another night of interest."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Component, CreditUse, NonAccrual, Status
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.arrears.days_past_due import OFF_RULE, off_on
from loanbook.core.servicing.charges.fees import next_anniversary
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.payments.credit_balances import falls_on, waiting
from loanbook.core.servicing.schedule.billing import whole_claim_due
from loanbook.core.servicing.schedule.statements import payment_due

ONE_DAY = pl.duration(days=1)


def next_action_dates(
    live: pl.DataFrame, dues: pl.DataFrame, coming: pl.DataFrame, policies: PolicyBook
) -> pl.DataFrame:
    """`loan_id`, `stop` (Date, after the loan's `business_date`) of loans that something awaits.

    `live`: terms, positions and `business_date`; `dues` with `business_date`; `coming`: `loan_id`, `day` of the
    events that are left. A loan stops where an event is valued, its period ends, a due falls, a
    late fee's grace is over, penal interest begins, a year is full, a line's minimum is due, its
    arrears take it off the books, a small credit is let go, its accounting turns, and on the day after money stayed with the
    borrower though something was due.
    """
    uncharged = dues.filter(
        (pl.col("component") <= Component.interest.value) & ~pl.col("fee_assessed")
    )
    parts = [
        coming.group_by("loan_id").agg(stop=pl.col("day").min()),
        live.filter((pl.col("period_end") > BUSINESS_DATE) & ~whole_claim_due()).select(
            "loan_id", stop="period_end"
        ),
        _falling(dues),
        # the first day on which a late fee is due: the one after the grace
        _by_rule(
            live, uncharged, policies.late_fees.unique("product"), _after(pl.col("fee_grace") + 1)
        ),
        # from whose end on what is overdue bears penal interest
        _by_rule(live, dues, policies.penal, _after(pl.col("penal_grace"))),
        _anniversary(live, policies.annual_fees),
        live.filter("revolving")
        .select("loan_id", "business_date", stop=payment_due())
        .filter(pl.col("stop") > BUSINESS_DATE)
        .select("loan_id", "stop"),
        _by_rule(live, dues, policies.charge_offs, off_on(pl.col("due_date"), *OFF_RULE)),
        _small_credit(live, policies.small_credits),
        *_reclassified(live, dues, policies.delinquency),
        _with_credit(live, dues),
    ]
    return pl.concat(parts).group_by("loan_id").agg(pl.col("stop").min())


def _falling(dues: pl.DataFrame) -> pl.DataFrame:
    later = dues.filter(pl.col("due_date") > BUSINESS_DATE)
    return later.group_by("loan_id").agg(stop=pl.col("due_date").min())


def _by_rule(
    live: pl.DataFrame, dues: pl.DataFrame, rules: pl.DataFrame, stop: pl.Expr
) -> pl.DataFrame:
    """Days, counted from the due dates of what active loans have not paid, by a product's rule."""
    claims = live.filter(pl.col("status") == Status.active).select("loan_id", "product")
    unpaid = dues.filter(pl.col("amount") > pl.col("paid")).join(claims, on="loan_id")
    dated = unpaid.join(rules, on="product").select("loan_id", "business_date", stop=stop)
    return dated.filter(pl.col("stop") > BUSINESS_DATE).select("loan_id", "stop")


def _after(days: pl.Expr) -> pl.Expr:
    return pl.col("due_date") + pl.duration(days=days)


def _anniversary(live: pl.DataFrame, fees: pl.DataFrame) -> pl.DataFrame:
    """The next anniversaries of payouts, where they cost a fee."""
    living = live.filter(
        (pl.col("status") == Status.active)
        & pl.col("product").is_in(fees["product"].unique().implode())
    )
    return living.select("loan_id", stop=next_anniversary(BUSINESS_DATE))


def _small_credit(live: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Days on which a credit that nobody asks for is let go."""
    told = waiting(live, rules).select("loan_id", "business_date", stop=falls_on())
    return told.filter(pl.col("stop") > BUSINESS_DATE).select("loan_id", "stop")


def _reclassified(
    live: pl.DataFrame, dues: pl.DataFrame, rules: pl.DataFrame
) -> list[pl.DataFrame]:
    """Days on which loans go into non-accrual, are late again within it, or come back from it."""
    some = live.filter(pl.col("non_accrual_mode") != NonAccrual.none.value)
    if some.is_empty():
        return []
    keys = ["loan_id", "product", "non_accrual", "non_accrual_days"]
    unpaid = (
        some.filter(~pl.col("non_accrual") | pl.col("performing_since").is_not_null())
        .select(keys)
        .join(rules.select("product", "from_due_day").unique(), on="product")
        .join(dues.filter(pl.col("amount") > pl.col("paid")), on="loan_id")
    )
    late = pl.when("non_accrual").then(1).otherwise(pl.col("non_accrual_days").cast(pl.Int64))
    back = some.filter(pl.col("non_accrual") & pl.col("performing_since").is_not_null())
    days = pl.duration(days=pl.col("returns_days").cast(pl.Int64))
    told = [
        unpaid.with_columns(
            stop=pl.col("due_date") + pl.duration(days=late - pl.col("from_due_day"))
        ),
        back.with_columns(stop=pl.col("performing_since") + days),
    ]
    return [each.filter(pl.col("stop") > BUSINESS_DATE).select("loan_id", "stop") for each in told]


def _with_credit(live: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    holds = live.filter((pl.col("credit") > 0) & (pl.col("credit_use") != CreditUse.hold.value))
    due = dues.filter(pl.col("due_date") <= BUSINESS_DATE)
    return holds.join(due, on="loan_id", how="semi").select("loan_id", stop=BUSINESS_DATE + ONE_DAY)
