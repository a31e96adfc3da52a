"""Several payments of one loan on one day that follow each other, poured at once.

Where a payment's money goes on from where that of the one before it ended, so many of them are placed as one
sum, and what it met is shared out among them: the same rows as one after the other, at the cost of one.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Excess, InterestMode, Status
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import owes_nothing
from loanbook.core.servicing.loan.dues import on_own_date
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.waterfall import money_rule
from loanbook.core.servicing.schedule.running_instalment import running_takes_all

GOES_ON = [
    Excess.next_instalment.value,
    Excess.next_then_principal.value,
    Excess.curtailment.value,
]
"""Where money beyond what is due goes on from where the last ended. An even spread shares each payment
anew, and the next instalment is another one once it is paid."""


def poured_at_once(day: DayState, payments: pl.DataFrame) -> pl.Series:
    """Which of `payments` (events of one kind, several a loan, in order) may be placed as one sum with those
    of their loan before them (Boolean): all that come before the one that pays the loan off, and all that
    come once nothing is owed.

    None of loans whose dues, or whose order, a payment changes: interest that is due at payment, the
    fee of a payoff and taxes on interest paid early, an instalment that takes all, a line's statement, a
    charge that goes with whatever is open beside it.
    """
    told = (
        payments.select("loan_id", so_far=pl.col("amount").cum_sum().over("loan_id"))
        .join(_plain(day, payments["kind"][0]), on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col("bound").fill_null(0))
    )
    return told.select(pl.col("so_far") < pl.col("bound")).to_series()


def _plain(day: DayState, kind: int) -> pl.DataFrame:
    """`loan_id`, `bound` (Int64): below which sum a loan's money goes on from where the last ended."""
    loans = day.loans.with_columns(rule=money_rule(pl.lit(kind))).join(
        day.policies.excess.rename({"excess": "excess_of_rule"}), on="rule", how="left"
    )
    named = pl.coalesce("excess_of_rule", "excess")
    scheduled = pl.col("interest_mode") == InterestMode.scheduled.value
    # of other kinds an instalment to come has less room for principal once its interest is paid
    alike = pl.col("amortisation").is_in(
        [Amortisation.equal_instalment.value, Amortisation.equal_principal.value]
    )
    goes_on = alike & ~pl.col("covered_is_fixed")
    policies = day.policies
    paid_off = owes_nothing() & ~pl.col("product").is_in(
        policies.prepayment_fees["product"].unique().implode()
    )
    plain = loans.filter(
        pl.col("status").is_in([Status.active.value, Status.overpaid.value])
        & (named.is_in(GOES_ON) | (pl.col("materialised") & (named == Excess.last_instalment)))
        & (pl.col("recoverable") == 0)
        & ~pl.any_horizontal("revolving", "due_at_payment")
        & (pl.col("materialised") | scheduled | goes_on)
        & ~running_takes_all()
        & ~pl.col("product").is_in(policies.taxes["product"].unique().implode())
    ).select(
        "loan_id",
        "materialised",
        bound=pl.when(paid_off)
        .then(pl.lit(2**62))
        # interest that was paid ahead may be given back (`rebate.given_back`)
        .otherwise(pl.col("principal") + pl.col("interest_accrued").clip(upper_bound=0)),
    )
    unpaid = pl.col("amount") > pl.col("paid")
    to_come = (pl.col("due_date") > BUSINESS_DATE) & ~pl.col("materialised")
    apart = day.dues.join(plain, on="loan_id").filter(unpaid & (on_own_date() | to_come))
    return plain.join(apart, on="loan_id", how="anti").select("loan_id", "bound")


def as_one(payments: pl.DataFrame) -> pl.DataFrame:
    """One sum a loan, under the event of its first payment. `payments`: a loan's stand together, in order."""
    first = pl.col("*").exclude("loan_id", "amount").first()
    return payments.group_by("loan_id", maintain_order=True).agg(first, pl.col("amount").sum())


def shared_out(allocations: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """`allocations` of sums (`as_one`) by the payments that they are made of, the earlier ones first.

    `payments`: `loan_id`, `event_id`, `amount`, in order.
    """
    ends = pl.col("amount").cum_sum().over("loan_id")
    each = payments.select(
        "loan_id", "event_id", payment_ends=ends, payment_begins=ends - pl.col("amount")
    )
    lines = allocations.with_columns(ends=ends, begins=ends - pl.col("amount")).drop("event_id")
    part = pl.min_horizontal("ends", "payment_ends") - pl.max_horizontal("begins", "payment_begins")
    shares = each.join(lines, on="loan_id", maintain_order="left_right").with_columns(amount=part)
    return shares.filter(pl.col("amount") > 0).select(allocations.columns)
