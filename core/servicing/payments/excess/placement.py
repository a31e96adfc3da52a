"""Money beyond what is due: a payoff, instalments to come, the principal, or the borrower's credit.

The lines that it is poured over are made in `lines` and `daily_lines`; which of them a loan's money
meets, and in what order, stands here.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import (
    RUNNING_TAKES_ALL,
    Excess,
    InterestMode,
    Rebate,
    Timing,
)
from loanbook.core.catalogue.components import is_interest, is_principal
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.interest.rebate import without_rebate
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY
from loanbook.core.servicing.payments.allocations import NOTHING_PLACED, poured
from loanbook.core.servicing.payments.excess.daily_lines import charges_in_advance, daily_lines
from loanbook.core.servicing.payments.excess.lines import (
    balance_lines,
    charges_beside,
    payoff_lines,
    pour_line,
    principal_lines,
    running_lines,
    scheduled_lines,
    whole_lines,
)
from loanbook.core.servicing.schedule.billing import whole_claim_due
from loanbook.core.servicing.schedule.running_instalment import running_takes_all

OFF_BALANCE = [Excess.curtailment.value, Excess.recast.value]
"""Money for the balance alone: no instalment to come is paid by it."""


def place_excess(
    paying: pl.DataFrame,
    dues: pl.DataFrame,
    left: pl.DataFrame,
    policies: PolicyBook,
) -> pl.DataFrame:
    """Allocations of money beyond what is due: payoff, in advance, principal, credit."""
    if left.is_empty():
        return NOTHING_PLACED
    of_rule = policies.excess.rename({"excess": "excess_of_rule"})
    loans = (
        paying.join(left.rename({"amount": "money"}), on="loan_id")
        .join(of_rule, on="rule", how="left", maintain_order="left")
        .with_columns(excess=pl.coalesce(_designated(left), "excess_of_rule", "excess"))
        .with_columns(offered="money")
    )
    whole = loans.filter("materialised")
    if whole.is_empty():
        return _place_beyond_dues(loans, dues, policies)
    stands = poured(whole_lines(whole, dues, policies), pl.col("asked"))
    others = loans.filter(~pl.col("materialised"))
    if others.is_empty():
        return stands
    return pl.concat([stands, _place_beyond_dues(others, dues, policies)])


def _designated(money: pl.DataFrame) -> pl.Expr:
    """Where the payer wants it (`excess_of_event`), if someone says; off the last instalments where the
    schedule fixes the interest."""
    if "excess_of_event" not in money.columns:
        return pl.lit(None, dtype=pl.Int8)
    fixed = pl.col("materialised") | (pl.col("interest_mode") == InterestMode.scheduled.value)
    wanted = pl.col("excess_of_event")
    return (
        pl.when(fixed & wanted.is_in(OFF_BALANCE))
        .then(pl.lit(Excess.last_instalment.value, dtype=pl.Int8))
        .otherwise(wanted)
    )


def _place_beyond_dues(
    loans: pl.DataFrame, dues: pl.DataFrame, policies: PolicyBook
) -> pl.DataFrame:
    """Allocations of `money` of loans whose schedule does not stand whole: what pays the whole claim
    is a payoff, other money goes where the product's `excess` says."""
    later, ranks = _owed_later(loans, dues), policies.waterfall_ranks
    loans = without_rebate(_with_claim(loans, later), policies.calendars)
    settles, frozen, onward = _settles(), whole_claim_due(), _settles_onward()
    spread = _spread_payoff(loans.filter(settles & onward), dues, later, ranks)
    if later.height:
        later = later.join(spread.select("loan_id"), on="loan_id", how="anti")
    paid_off = payoff_lines(loans.filter(settles & ~onward))
    early = loans.filter(~settles & ~frozen).with_columns(
        interest_off=pl.when(pl.col("rebate") == Rebate.full_period.value)
        .then(pl.col("interest_accrued").clip(lower_bound=0))
        .otherwise("interest_off")
    )
    scheduled = early.filter(pl.col("interest_mode") == InterestMode.scheduled)
    daily = early.filter((pl.col("interest_mode") == InterestMode.daily) & ~pl.col("revolving"))
    off_balance = daily.filter(pl.col("excess").is_in(OFF_BALANCE))
    running = daily.filter(running_takes_all())
    daily = daily.filter(~pl.col("excess").is_in(OFF_BALANCE) & ~running_takes_all())
    # beyond the dues of a line money pays its balance, and no interest that is not billed yet
    revolving = early.filter("revolving").with_columns(interest_off=pl.lit(0, dtype=pl.Int64))
    ahead = charges_in_advance(daily, later, ranks) if later.height else None
    beside = charges_beside(scheduled, later)
    lines = [
        each
        for each in (
            paid_off,
            scheduled_lines(scheduled, dues, ranks, beside, policies.calendars),
            daily_lines(daily, dues, ranks, ahead),
            balance_lines(off_balance),
            running_lines(running),
            principal_lines(loans.filter(~settles & frozen)),
            principal_lines(revolving),
        )
        if each.height
    ]
    if ahead is None:
        placed = [poured(each, pl.col("asked")) for each in lines]
        return pl.concat([NOTHING_PLACED, *placed, spread])
    met_there = pl.concat([ahead.select(DUE_KEY), beside.select(DUE_KEY)])
    return pl.concat([poured(_with_later(lines, later, met_there, loans), pl.col("asked")), spread])


def _with_claim(loans: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Loans with what is claimed beyond what is due (Int64, minor units).

    `later`: lines of what stands with instalments to come, of which `stands` is principal and
    `charges` all else. `rest_principal` stands with none, `interest_off` is the interest to the date.
    """
    of_principal = is_principal()
    of_interest = is_interest()
    sums = later.group_by("loan_id").agg(
        stands=pl.col("asked").filter(of_principal).sum(),
        charges=pl.col("asked").filter(~of_principal).sum(),
        in_parts=pl.col("asked").filter(of_interest).sum(),
    )
    return (
        loans.join(sums, on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col("stands", "charges", "in_parts").fill_null(0))
        .with_columns(
            rest_principal=pl.col("principal") - pl.col("principal_due") - pl.col("stands"),
            interest_off=(pl.col("interest_accrued") - pl.col("in_parts")).clip(lower_bound=0),
        )
        .drop("in_parts")
    )


def _settles() -> pl.Expr:
    """Money that pays the whole claim."""
    later = pl.col("stands") + pl.col("charges")
    return pl.col("money") >= pl.col("rest_principal") + later + pl.col("interest_off")


def _settles_onward() -> pl.Expr:
    """Loans whose payoff stands with the instalments to come, as their money in advance does."""
    in_advance = (pl.col("interest_mode") == InterestMode.daily) & ~pl.col("excess").is_in(
        [Excess.next_then_principal.value, *OFF_BALANCE, *RUNNING_TAKES_ALL]
    )
    to_come = pl.col("instalment_no") <= pl.col("instalments")
    return in_advance & ~whole_claim_due() & to_come


def _with_later(
    lines: list[pl.DataFrame], later: pl.DataFrame, ahead: pl.DataFrame, loans: pl.DataFrame
) -> pl.DataFrame:
    """Lines with those of `later` that are not met instalment by instalment (`ahead`): what else was
    charged, or charged back, and falls due later is paid last, but before any credit."""
    others = later.join(ahead, on=DUE_KEY, how="anti")
    order = pl.when(pl.col("component").is_null()).then(2).otherwise(0)
    every = [*(each.with_columns(order=order) for each in lines),
             others.with_columns(order=pl.lit(1))]  # fmt: skip
    ordered = pl.concat(every).sort("loan_id", "order", maintain_order=True)
    return _within_the_rest(ordered, loans).drop("order")


def _within_the_rest(ordered: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Lines of principal that stands with no due yet ask no more than there is of it."""
    bounded = ordered.join(
        loans.select("loan_id", "rest_principal"), on="loan_id", how="left", maintain_order="left"
    )
    of_balance = (pl.col("order") == 0) & is_principal()
    demand = pl.when(of_balance.fill_null(False)).then("asked").otherwise(0)
    before = demand.cum_sum().over("loan_id") - demand
    left = (pl.col("rest_principal") - before).clip(lower_bound=0)
    capped = (
        pl.when(of_balance.fill_null(False))
        .then(pl.min_horizontal("asked", left))
        .otherwise("asked")
    )
    return bounded.with_columns(asked=capped).drop("rest_principal")


def _spread_payoff(
    loans: pl.DataFrame, dues: pl.DataFrame, later: pl.DataFrame, ranks: pl.DataFrame
) -> pl.DataFrame:
    """A payoff over the instalments to come, each as high as it was, and over what stands `later`
    with them; the rest to the credit."""
    if loans.is_empty():
        return NOTHING_PLACED
    owed = pl.col("rest_principal") + pl.col("interest_off")
    exact = loans.with_columns(money=owed)
    over = loans.with_columns(money=pl.col("money") - owed - pl.col("stands") - pl.col("charges"))
    credit = pour_line(over, pl.lit(0), None, pl.col("money"))
    lines = [daily_lines(exact, dues, ranks, settles=True), credit]
    if later.height:
        lines.insert(1, later.join(loans.select("loan_id"), on="loan_id", how="semi"))
    return pl.concat(poured(each, pl.col("asked")) for each in lines)


def _owed_later(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """What stands with instalments to come, as lines to pour money over.

    What was charged back, fees and penalties that fall due later, and interest of arrears that
    instalments to come ask in parts.
    """
    unpaid = pl.col("amount") - pl.col("paid")
    return (
        dues.filter((pl.col("due_date") > BUSINESS_DATE) & (unpaid > 0))
        .join(loans.select("loan_id", "event_id", "money"), on="loan_id")
        .select(
            "loan_id",
            "event_id",
            "money",
            "due_date",
            "instalment_no",
            "component",
            timing=pl.lit(Timing.in_advance.value, dtype=pl.Int8),
            asked=unpaid,
        )
    )
