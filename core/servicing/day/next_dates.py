"""Next dates: when each step of the day acts again of itself, beyond another night of interest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from loanbook.core.catalogue.codes import CreditUse, NonAccrual, Status
from loanbook.core.catalogue.components import of_schedule
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.arrears.days_past_due import OFF_RULE, off_on
from loanbook.core.servicing.charges.annual_fees import next_anniversary
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.payments.credit_balances import falls_on, waiting
from loanbook.core.servicing.schedule.billing import whole_claim_due
from loanbook.core.servicing.schedule.statements import payment_due

ONE_DAY = pl.duration(days=1)
_NONE = pl.DataFrame(schema={"loan_id": pl.Int64, "next_date": pl.Date})


@dataclass(frozen=True)
class Awaiting:
    """Loans after a day, and what the dates on which more happens to them are worked out from."""

    live: pl.DataFrame
    """Terms, positions and `business_date`."""
    dues: pl.DataFrame
    """With `business_date`."""
    policies: PolicyBook

    @cached_property
    def unpaid(self) -> pl.DataFrame:
        """Dues that active loans have not paid, with the loans' `product`."""
        claims = self.live.select("loan_id", "product", "status").filter(
            pl.col("status") == Status.active
        )
        unpaid = self.dues.filter(pl.col("amount") > pl.col("paid"))
        return unpaid.join(claims.select("loan_id", "product"), on="loan_id")


def of_billing(after: Awaiting) -> pl.DataFrame:
    """The end of the running period, and days on which dues that stand already fall due."""
    runs = (pl.col("period_end") > BUSINESS_DATE) & ~whole_claim_due()
    ends = after.live.select("loan_id", runs.alias("runs"), next_date="period_end")
    ends = ends.filter("runs").select("loan_id", "next_date")
    return pl.concat([ends, _falling(after.dues)])


def of_late_fees(after: Awaiting) -> pl.DataFrame:
    """The first day on which a late fee is due by a version of its policy: the one after its grace, or
    that from which the version binds."""
    uncharged = after.unpaid.filter(of_schedule() & ~pl.col("fee_assessed"))
    rules = after.policies.late_fees.unique(["product", "since"])
    falls = pl.max_horizontal(_after(pl.col("fee_grace") + 1), "since")
    return _by_rule(uncharged, rules, falls)


def of_penal_interest(after: Awaiting) -> pl.DataFrame:
    """The end of the grace, from which on what is overdue bears penal interest."""
    return _by_rule(after.unpaid, after.policies.penal, _after(pl.col("penal_grace")))


def of_pauses(after: Awaiting) -> pl.DataFrame:
    """Ends of pauses of interest that another one follows."""
    if after.live["pauses_to_come"].null_count() == after.live.height:
        return _NONE
    follows = after.live.filter(pl.col("pauses_to_come").is_not_null())
    return _to_come(follows, pl.col("paused_until"))


def of_statements(after: Awaiting) -> pl.DataFrame:
    """Days on which the minimum of a line's last statement is due."""
    if not after.live["revolving"].any():
        return _NONE
    return _to_come(after.live.filter("revolving"), payment_due())


def of_charge_offs(after: Awaiting) -> pl.DataFrame:
    """Days on which arrears take loans off the books."""
    falls = off_on(pl.col("due_date"), *OFF_RULE)
    return _by_rule(after.unpaid, after.policies.charge_offs, falls)


def _falling(dues: pl.DataFrame) -> pl.DataFrame:
    later = _to_come(dues, pl.col("due_date"))
    return later.group_by("loan_id").agg(pl.col("next_date").min())


def _by_rule(unpaid: pl.DataFrame, rules: pl.DataFrame, next_date: pl.Expr) -> pl.DataFrame:
    """Days, counted from the due dates of what is unpaid (`Awaiting.unpaid`), by a product's rule."""
    if unpaid.is_empty():
        return _NONE
    return _to_come(unpaid.join(rules, on="product"), next_date)


def _to_come(rows: pl.DataFrame, date: pl.Expr) -> pl.DataFrame:
    """The dates of rows, those after their `business_date`."""
    dated = rows.select("loan_id", "business_date", next_date=date)
    return dated.filter(pl.col("next_date") > BUSINESS_DATE).select("loan_id", "next_date")


def _after(days: pl.Expr) -> pl.Expr:
    return pl.col("due_date") + pl.duration(days=days)


def of_anniversaries(after: Awaiting) -> pl.DataFrame:
    """The next anniversaries of payouts, where they cost a fee."""
    fees = after.policies.annual_fees
    charged = pl.col("product").is_in(fees["product"].unique().implode())
    loans = after.live.select("loan_id", "product", "status", "business_date", "disbursed_on")
    living = loans.filter((pl.col("status") == Status.active) & charged)
    if living.is_empty():
        return _NONE
    return living.select("loan_id", next_date=next_anniversary(BUSINESS_DATE))


def of_small_credits(after: Awaiting) -> pl.DataFrame:
    """Days on which a credit that nobody asks for is let go."""
    if not (after.live["credit"] > 0).any():
        return _NONE
    return _to_come(waiting(after.live, after.policies.small_credits), falls_on())


def of_accounting_status(after: Awaiting) -> pl.DataFrame:
    """Days on which loans go into non-accrual, are late again within it, or come back from it."""
    has_it = after.live["non_accrual_mode"] != NonAccrual.none.value
    if not has_it.any():
        return _NONE
    loans = after.live.filter(has_it)
    keys = ["loan_id", "product", "non_accrual", "non_accrual_days"]
    unpaid = (
        loans.filter(~pl.col("non_accrual") | pl.col("performing_since").is_not_null())
        .select(keys)
        .join(after.policies.delinquency.select("product", "from_due_day").unique(), on="product")
        .join(after.dues.filter(pl.col("amount") > pl.col("paid")), on="loan_id")
    )
    late = pl.when("non_accrual").then(1).otherwise(pl.col("non_accrual_days").cast(pl.Int64))
    back = loans.filter(pl.col("non_accrual") & pl.col("performing_since").is_not_null())
    days = pl.duration(days=pl.col("returns_days").cast(pl.Int64))
    falls = pl.col("due_date") + pl.duration(days=late - pl.col("from_due_day"))
    return pl.concat([_to_come(unpaid, falls), _to_come(back, pl.col("performing_since") + days)])


def of_credit_that_waits(after: Awaiting) -> pl.DataFrame:
    """The day after money stayed with the borrower though something was due."""
    if not (after.live["credit"] > 0).any():
        return _NONE
    holds = after.live.filter(
        (pl.col("credit") > 0) & (pl.col("credit_use") != CreditUse.hold.value)
    )
    due = after.dues.filter(pl.col("due_date") <= BUSINESS_DATE)
    return holds.join(due, on="loan_id", how="semi").select(
        "loan_id", next_date=BUSINESS_DATE + ONE_DAY
    )
