"""Arrears lifted: what is due and unpaid goes back to what is to come, where a change says so.

A re-age or re-amortisation asks nothing anew that was paid: a due keeps what was paid of it.
Fees and penalties stay due.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.catalogue.components import Component, is_interest, is_principal, of_schedule
from loanbook.core.contract.dates.business_days import adjusted
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.money import even_part
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.coming_dues import show_down_payments_due
from loanbook.core.servicing.schedule.level_instalment import not_on_time, with_shares


def roll_in(day: DayState, events: pl.DataFrame) -> pl.DataFrame:
    """Take principal and interest due to the day off the dues of the loans of `events`.

    The interest is interest earned and not billed again; it comes with the next instalment.
    Returns `loan_id`, `lifted_principal`, `lifted_interest` (Int64) of loans that had arrears.
    """
    # what is to come is made of all that is owed, whatever would be left if each were paid on its day
    ordered = pl.col("loan_id").is_in(events["loan_id"].implode())
    day.loans = day.loans.with_columns(
        pl.when(ordered).then(anew).otherwise(name).alias(name)
        for name, anew in not_on_time().items()
    )
    unpaid = pl.col("amount") - pl.col("paid")
    due = (
        pl.col("loan_id").is_in(events["loan_id"].implode())
        & (pl.col("due_date") <= BUSINESS_DATE)
        & of_schedule()
        & (unpaid > 0)
    )
    lifted = (
        day.dues.filter(due)
        .group_by("loan_id")
        .agg(
            lifted_principal=unpaid.filter(is_principal()).sum(),
            lifted_interest=unpaid.filter(is_interest()).sum(),
        )
    )
    if lifted.is_empty():
        return lifted
    day.dues = day.dues.with_columns(amount=pl.when(due).then("paid").otherwise("amount"))
    interest = pl.col("lifted_interest")
    scheduled = pl.col("interest_mode") == InterestMode.scheduled
    day.loans = (
        with_lifted(day.loans, lifted)
        .with_columns(
            **balances.grow_due(Component.principal, -pl.col("lifted_principal")),
            **balances.bill_interest(-interest),
            **segment.earn_more(interest),
            schedule_balance=pl.col("schedule_balance")
            + pl.when(scheduled).then("lifted_principal").otherwise(0),
            interest_carried=pl.col("interest_carried")
            + pl.when(scheduled).then(interest).otherwise(0),
        )
        .select(day.loans.columns)
    )
    show_down_payments_due(day)
    booked = lifted.join(events.select("loan_id", "event_id"), on="loan_id")
    day.book_within_claim(booked, "interest_accrued", "interest_due", "lifted_interest")
    return lifted


def split_interest(
    day: DayState, orders: pl.DataFrame, lifted: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series]:
    """`lifted`, its interest with the instalments to come in equal parts where `orders` splits it, and
    the loans of which it is.

    Each part is rounded half-even; what the parts have more than the interest, or less, is earned, or
    given up. Of loans whose interest follows the balance. `orders`: `loan_id`, `event_id`, `interest`.
    """
    splits = orders.filter(pl.col("interest") == "split").select("loan_id", "event_id")
    daily = (pl.col("interest_mode") == InterestMode.daily) & ~pl.col("materialised")
    loans = (
        day.loans.filter(daily)
        .join(splits, on="loan_id", maintain_order="left")
        .join(lifted.filter(pl.col("lifted_interest") > 0), on="loan_id", maintain_order="left")
    )
    if loans.is_empty():
        return lifted, loans["loan_id"]
    count = (pl.col("instalments") - pl.col("instalment_no") + 1).cast(pl.Int64)
    loans = loans.with_columns(
        part=even_part(pl.col("lifted_interest"), count),
        number=pl.int_ranges(pl.col("instalment_no"), pl.col("instalments") + 1),
    ).with_columns(differs=pl.col("part") * count - pl.col("lifted_interest"))
    each = loans.explode("number").with_columns(pl.col("number").cast(pl.Int16))
    each = each.with_columns(due=due_of(pl.col("number"), each))
    each = each.with_columns(due=adjusted(pl.col("due"), each, day.policies.calendars))
    parts = due_rows(each, "number", Component.interest, "due", "part")
    day.dues = merge_dues(day.dues, parts)
    differences = loans.select("loan_id", "differs")
    joined = day.loans.join(differences, on="loan_id", how="left", maintain_order="left")
    earns = ("interest_accrued", "accrued_units", "interest_earned", "accrued_today")
    differs = pl.col("differs").fill_null(0)
    day.loans = joined.with_columns(pl.col(name) + differs for name in earns).drop("differs")
    day.book_earned(loans, "interest_accrued", "interest_income", "differs")
    totals = loans.select("loan_id", asked=pl.col("lifted_interest") + pl.col("differs"))
    with_totals = lifted.join(totals, on="loan_id", how="left", maintain_order="left")
    lifted = with_totals.with_columns(lifted_interest=pl.coalesce("asked", "lifted_interest"))
    return lifted.drop("asked"), loans["loan_id"]


def give_up_shares(day: DayState, events: pl.DataFrame) -> None:
    """Take back shares of split interest that instalments after the running one would ask, of loans whose
    contract ends or whose interest stops: an instalment that is not asked asks none.

    On a due date the running one is that which falls due. Where interest stops and instalments go on,
    they ask what they asked. `events`: `loan_id`, `event_id`.
    """
    ending = day.loans.join(events, on="loan_id", maintain_order="left").filter(
        ~pl.col("materialised")
    )
    runs = (pl.col("period_start") < BUSINESS_DATE).cast(pl.Int16)
    last = ending.select("loan_id", last=pl.col("instalment_no") - 1 + runs)
    unpaid = pl.col("amount") - pl.col("paid")
    ids = with_shares(ending, day.dues).filter(pl.col("share") > 0)
    if ids.is_empty():
        return
    beyond = (
        day.dues.filter(is_interest() & of_schedule() & (pl.col("due_date") > BUSINESS_DATE))
        .join(last, on="loan_id")
        .join(ids.select("loan_id"), on="loan_id", how="semi")
        .filter((pl.col("instalment_no") > pl.col("last")) & (unpaid > 0))
    )
    left = beyond.with_columns(amount="paid").filter(pl.col("paid") > 0).select(day.dues.columns)
    day.dues = merge_dues(day.dues.join(beyond, on=DUE_KEY, how="anti"), left)
    given = beyond.group_by("loan_id").agg(given=-unpaid.sum())
    more = pl.col("given").fill_null(0)
    earns = ("interest_accrued", "accrued_units", "interest_earned", "accrued_today")
    levels = ids.select(
        "loan_id",
        again=pl.concat_str(pl.col("instalment_no") + runs, pl.lit(":"), pl.col("emi") + pl.col("share")),
    )  # fmt: skip
    columns = day.loans.columns
    day.loans = (
        day.loans.join(given, on="loan_id", how="left", maintain_order="left")
        .join(levels, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            *(pl.col(name) + more for name in earns),
            level_changes=pl.coalesce("again", "level_changes"),
        )
        .select(columns)
    )
    booked = given.join(events, on="loan_id")
    day.book_earned(booked, "interest_accrued", "interest_income", "given")


def with_lifted(loans: pl.DataFrame, lifted: pl.DataFrame) -> pl.DataFrame:
    """`loans` with what was lifted of theirs, or 0."""
    return loans.join(lifted, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("lifted_principal", "lifted_interest").fill_null(0)
    )
