"""A day of loans that something happens to, in the order of a day.

Bill, disburse, use credit, money in, late fees, charge off, close at zero, count days past due.
Each loan goes through the date that it stands at (`loanbook.core.servicing.loan.business_date`): the same for all in a
close, each its own in a jump. Interest is earned to the date before (`accrual.accrue`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import ENDED, MONEY_IN
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import all_of, transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.arrears.days_past_due import age, with_oldest
from loanbook.core.servicing.charges.fees import assess_annual_fees, assess_late_fees
from loanbook.core.servicing.charges.penal_interest import ask_penal, with_base
from loanbook.core.servicing.day.transactions import (
    ENDINGS,
    apply,
    charge_off_by_rule,
    credit_meets_dues,
    in_replay_order,
    write_off_small_balances,
)
from loanbook.core.servicing.endings.closing import close_at_zero
from loanbook.core.servicing.income.accounting_basis import off_accrual, reclassified, translate
from loanbook.core.servicing.income.deferred_income import recognise_remainder, restart
from loanbook.core.servicing.income.effective_interest import follow_yield
from loanbook.core.servicing.interest.cash_advances import bears_more, paid_last
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import any_off_accrual, off_books
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments import credit_balances
from loanbook.core.servicing.payments.draws import judge_grace
from loanbook.core.servicing.payments.waterfall import Allocations
from loanbook.core.servicing.schedule.billing_run import fall_due
from loanbook.core.servicing.schedule.payment_holiday import pass_over


@dataclass(frozen=True)
class Visited:
    """The loans after their day, and the movements that led there."""

    wide: pl.DataFrame
    """Terms, positions and `business_date`, with `oldest` and `from_due_day` of their arrears."""
    dues: pl.DataFrame
    """Open dues and those to come, with `business_date`; by loan, instalment and component."""
    settled: pl.DataFrame
    """Dues that are paid, or of loans that ended."""
    transfers: pl.DataFrame
    allocations: pl.DataFrame
    unidentified: pl.DataFrame
    changed: pl.DataFrame
    """`loan_id`, `event_id` (the last one) of loans whose terms an event changed."""


def run_day(
    wide: pl.DataFrame,
    dues: pl.DataFrame,
    events: pl.DataFrame,
    policies: PolicyBook,
    versions: tuple[Buckets, ...],
) -> Visited:
    """Take loans through their `business_date`.

    `wide`: terms, positions earned to the date, and `business_date`, by `loan_id`; `dues` with `business_date`;
    `events` valued on the date of their loan; `versions`: the bucket files of the dates.
    """
    day = DayState(policies, wide, dues)
    pass_over(day)
    busy = pl.concat([fall_due(day), events["loan_id"]])  # penal interest comes before money
    ask_penal(day, pl.col("loan_id").is_in(busy.implode()))
    credit_meets_dues(day)
    ordered = in_replay_order(events, day.loans)
    ending = pl.col("kind").is_in([k.value for k in ENDINGS]) & ~pl.col("in_sequence")
    apply(day, ordered.filter(~ending))
    unidentified = _unidentified(day, events)

    assess_late_fees(day)
    assess_annual_fees(day)
    apply(day, ordered.filter(ending))
    charge_off_by_rule(day)
    with_base(day)
    judge_grace(day)
    write_off_small_balances(day)

    if bears_more(day.loans):  # what was given up is no advance any more
        day.loans = paid_last(day.loans)
    off = pl.col("loan_id").is_in(day.charged_off().implode())
    day.loans, earned = close_at_zero(day.loans)
    day.book(earned.filter(~off), "interest_accrued", "interest_income", "earned_at_payoff")
    day.book(earned.filter(off), "memo_claim", "memo_contra", "earned_at_payoff")
    day.loans = credit_balances.dated(day.loans, wide)
    credit_balances.release_unclaimed(day)
    restart(day)
    follow_yield(day)
    recognise_remainder(day)
    counted = age(with_oldest(day.loans, day.dues, policies.delinquency), versions)
    after, turned = reclassified(counted)
    after = after.with_columns(off_books=off_books(after))
    moved = [_moves(day, wide), turned]
    standing, settled = _open_dues(day.dues, after)
    return Visited(
        after,
        standing,
        settled,
        all_of(moved),
        pl.concat([empty(Allocations), *day.allocations]),
        unidentified,
        _changed(day),
    )


def _moves(day: DayState, wide: pl.DataFrame) -> pl.DataFrame:
    """What the day moved, as the accounting that its loans began it with books it."""
    moved = all_of(day.transfers)
    return translate(moved, off_accrual(wide)) if any_off_accrual(wide) else moved


def _changed(day: DayState) -> pl.DataFrame:
    if not day.changed:
        return pl.DataFrame(schema={"loan_id": pl.Int64, "event_id": pl.Int64})
    return pl.concat(day.changed).group_by("loan_id").agg(pl.col("event_id").max())


def _unidentified(day: DayState, events: pl.DataFrame) -> pl.DataFrame:
    """Receipts for loans that the book does not know: held, not lost."""
    money = events.filter(pl.col("kind").is_in([k.value for k in MONEY_IN]))
    live = money["loan_id"].is_in(day.loans["loan_id"].implode())
    unknown = money.filter(~live).select(
        "loan_id", "event_id", "amount", business_date="value_date"
    )
    if unknown.height:
        placed = unknown.with_columns(
            entity=pl.lit(0, dtype=pl.Int16),
            product=pl.lit(0, dtype=pl.Int16),
            currency=pl.lit(day.policies.pins["currency"][0], dtype=pl.Int8),
        )
        day.transfers.append(
            transfer(placed, "payment_clearing", "unidentified_receipts", "amount")
        )
    return unknown.drop("business_date")


def _open_dues(dues: pl.DataFrame, loans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open dues and those still to come; and the rows that are settled, or of ended loans."""
    ended = loans.filter(pl.col("status").is_in(ENDED))["loan_id"]
    stays = dues.select(
        ((pl.col("amount") > pl.col("paid")) | (pl.col("due_date") > BUSINESS_DATE))
        & ~pl.col("loan_id").is_in(ended.implode())
    ).to_series()
    kept = dues.filter(stays).sort("loan_id", "instalment_no", "component")
    return kept, dues.filter(~stays)
