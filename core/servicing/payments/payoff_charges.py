"""What an early payoff calls for: the fee for it, and the tax on interest that was not billed yet.

Whether money settles a loan the engine tells itself: it is allocated once without, and where it
pays the whole claim, the fee and the tax fall due at once and the money is allocated again, to them
first. Money that falls short of them leaves so much principal open.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status, Timing
from loanbook.core.catalogue.components import Component, is_interest, is_principal
from loanbook.core.catalogue.events import ROW
from loanbook.core.servicing.charges.ordered import add_charges
from loanbook.core.servicing.charges.prepayment_fees import prepayment_fees
from loanbook.core.servicing.interest.rebate import given_back, without_unearned
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import owes_nothing
from loanbook.core.servicing.loan.dues import DUE_KEY, due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax, untaxed
from loanbook.core.servicing.payments.waterfall import allocate


def demand_at_payoff(day: DayState, money: pl.DataFrame, kind: Kind) -> pl.Series:
    """Ask what payoffs of today call for; returns the ids of loans that `money` pays off."""
    policies = day.policies
    if not (day.concerns(policies.prepayment_fees) or day.concerns(policies.taxes)):
        return money["loan_id"].clear()
    charged = policies.prepayment_fees["product"]
    products = pl.concat([charged, pl.Series([*policies.interest_taxed], dtype=charged.dtype)])
    candidates = (
        day.loans.filter(
            pl.col("product").is_in(products.implode()) & (pl.col("status") == Status.active.value)
        )
        .join(money.select("loan_id", "amount"), on="loan_id")
        .filter(
            pl.col("amount") >= pl.col("principal") + pl.col("interest_accrued").clip(upper_bound=0)
        )
    )
    nobody = candidates["loan_id"].clear()
    if candidates.is_empty():
        return nobody
    is_candidate = pl.col("loan_id").is_in(candidates["loan_id"].implode())
    offered = day.loans.filter(is_candidate)
    if kind is not Kind.interest_refunded:
        offered = without_unearned(offered, given_back(offered, money))
    tried = allocate(
        offered,
        day.dues.filter(is_candidate),
        money.filter(is_candidate),
        policies,
    )
    paid = tried.loans.filter(owes_nothing())["loan_id"]
    early = tried.allocations.filter(
        (pl.col("timing") == Timing.in_advance.value) & pl.col("loan_id").is_in(paid.implode())
    )
    if early.is_empty():
        return nobody
    settled = early.group_by("loan_id", "event_id", maintain_order=True).agg(
        prepaid=pl.col("amount").filter(is_principal()).sum(),
        base=pl.col("amount").filter(is_interest()).sum(),
    )
    if ROW[kind].payoff_costs:
        _charge(day, settled)
    loans = day.loans.select("loan_id", "instalment_no", due_date=BUSINESS_DATE)
    bases = settled.join(loans, on="loan_id", maintain_order="left")
    ask_tax(day, _on_interest(_within_untaxed(bases, tried.loans)))
    return paid


def _charge(day: DayState, settled: pl.DataFrame) -> None:
    fees = prepayment_fees(day, settled.select("loan_id", "event_id", "prepaid"))
    if fees.is_empty():
        return
    loans = day.loans.select("loan_id", "instalment_no", "business_date")
    placed = fees.join(loans, on="loan_id", maintain_order="left").with_columns(
        component=pl.lit(Component.fee.value, dtype=pl.Int8)
    )
    rows = due_rows(placed, "instalment_no", Component.fee, BUSINESS_DATE, "amount")
    day.dues = merge_dues(day.dues, rows)
    add_charges(day, placed)
    ask_tax(day, rows.with_columns(base="amount"))


def tax_on_interest(
    day: DayState, allocations: pl.DataFrame, demanded: pl.Series, kind: Kind
) -> None:
    """Tax on interest that money met before it was billed; it falls due with its instalment.

    Of interest that was waived the tax is forgiven. `demanded`: loans that were asked at payoff.
    """
    if not day.concerns(day.policies.taxes):
        return
    interest = allocations.filter(is_interest())
    taxed = pl.col("product").is_in([*day.policies.interest_taxed])
    loans = day.loans.filter(taxed).select("loan_id")
    interest = interest.join(loans, on="loan_id", how="semi", maintain_order="left")
    early = pl.col("timing") == Timing.in_advance.value
    if kind is Kind.interest_waived:
        given = interest.filter(~early).with_columns(base=-pl.col("amount"), due_date=None)
        ask_tax(day, given.select(*DUE_KEY, "due_date", "base"))
        return
    ahead = interest.filter(early & ~pl.col("loan_id").is_in(demanded.implode()))
    if ahead.height:
        ask_tax(day, _on_interest(_within_untaxed(_with_their_instalment(day, ahead), day.loans)))


def _with_their_instalment(day: DayState, ahead: pl.DataFrame) -> pl.DataFrame:
    """`base` by the instalment whose interest was met, with its `due_date`; of interest that stands with
    none, the running one."""
    keys = ["loan_id", "instalment_no"]
    stands = day.dues.filter(is_interest()).select(*keys, falls="due_date")
    running = day.loans.select("loan_id", runs="instalment_no", next_due="next_due_date")
    placed = (
        ahead.join(running, on="loan_id", maintain_order="left")
        .join(stands, on=keys, how="left", maintain_order="left")
        .with_columns(
            instalment_no=pl.when(pl.col("falls").is_null())
            .then("runs")
            .otherwise("instalment_no"),
            due_date=pl.coalesce("falls", "next_due"),
        )
    )
    return placed.group_by(*keys, maintain_order=True).agg(
        pl.col("due_date").max(), base=pl.col("amount").sum()
    )


def _within_untaxed(bases: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """`bases` as far as interest of their `loans` (positions) bore no tax yet, by instalment: what was taxed before
    is met first."""
    left = loans.select("loan_id", untaxed=untaxed())
    joined = bases.sort("loan_id", "instalment_no").join(left, on="loan_id", maintain_order="left")
    so_far, all_of_it = (
        pl.col("base").cum_sum().over("loan_id"),
        pl.col("base").sum().over("loan_id"),
    )
    was_taxed = (all_of_it - pl.col("untaxed")).clip(lower_bound=0)
    bears, before = (so_far - was_taxed).clip(0), (so_far - pl.col("base") - was_taxed).clip(0)
    return joined.with_columns(base=bears - before)


def _on_interest(bases: pl.DataFrame) -> pl.DataFrame:
    """`base` of interest as what a tax is on."""
    interest = pl.lit(Component.interest.value, dtype=pl.Int8)
    return bases.select("loan_id", "instalment_no", "due_date", "base", component=interest)
