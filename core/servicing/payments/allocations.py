"""What money met, as rows, and what that does to positions and dues.

Lines of what may be met are poured over in order (`poured`); what was met lowers what is owed
(`applied`) and stands with its dues (`stamped`).
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.codes import (
    Timing,
)
from loanbook.core.catalogue.components import CHARGES, Component, is_, of_schedule
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.frames import KEY, MINOR, column, empty, neighbours_summed, since_begin
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.schedule.coming_dues import dated_by_terms


class Allocations(dy.Schema):
    """Which payment paid which due, how much. `instalment_no` 0: principal itself, or credit."""

    loan_id = dy.Int64(metadata=column("The loan that was paid", KEY))
    event_id = dy.Int64(metadata=column("The money's event; 0: the borrower's own credit", KEY))
    instalment_no = dy.Int16(
        metadata=column(
            "The instalment that was met; 0: principal itself, or credit", "instalment number"
        )
    )
    component = dy.Int8(
        nullable=True,
        metadata=column(
            "What was met; null: what had been written off, by `timing`, or else it became the "
            "borrower's credit",
            "code of Component",
        ),
    )
    timing = dy.Int8(
        metadata=column("Where the due stood against the money's value date", "code of Timing")
    )
    amount = dy.Int64(min=1, metadata=column("How much of the money met it", MINOR))


NOTHING_PLACED = empty(Allocations).with_columns(due_date=pl.lit(None, dtype=pl.Date))


def recovers() -> pl.Expr:
    """Money for a claim that was written off; reads allocations."""
    return pl.col("timing") == Timing.given_up.value


def becomes_credit() -> pl.Expr:
    """Money that met nothing; reads allocations."""
    return pl.col("component").is_null() & ~recovers()


def of_written_off(loans: pl.DataFrame, money: pl.DataFrame) -> pl.DataFrame:
    """Allocations of `money` (`loan_id`, `event_id`, `amount`) to what was given up of `loans`."""
    recoverable = loans.filter(pl.col("recoverable") > 0)
    if recoverable.is_empty():
        return NOTHING_PLACED
    lines = recoverable.select("loan_id", "recoverable").join(
        money.select("loan_id", "event_id", money="amount"), on="loan_id"
    )
    return poured(
        lines.with_columns(
            instalment_no=pl.lit(0),
            component=pl.lit(None, dtype=pl.Int8),
            timing=pl.lit(Timing.given_up.value),
            due_date=pl.lit(None, dtype=pl.Date),
        ),
        pl.col("recoverable"),
    )


def poured(lines: pl.DataFrame, demand: pl.Expr) -> pl.DataFrame:
    """Pour each loan's `money` over its lines, in order, until it is used up.

    The lines of a loan stand together.
    """
    before = since_begin("run", "loan_id")
    return (
        lines.with_columns(run=demand.cum_sum() - demand)
        .with_columns(
            poured=pl.min_horizontal(demand, pl.col("money") - before).clip(lower_bound=0)
        )
        .filter(pl.col("poured") > 0)
        .select(
            "loan_id",
            "event_id",
            pl.col("instalment_no").cast(pl.Int16),
            pl.col("component").cast(pl.Int8),
            pl.col("timing").cast(pl.Int8),
            amount=pl.col("poured"),
            due_date=pl.col("due_date"),
        )
    )


def applied(paying: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """Positions after the allocations."""
    if allocations.is_empty():
        return paying
    billed = pl.col("timing") != Timing.in_advance

    def of(component: Component, when: pl.Expr | None = None) -> pl.Expr:
        chosen = is_(component)
        # a product is summed faster than a filtered column
        return pl.col("amount") * (chosen if when is None else chosen & when)

    parts = allocations.select(
        "loan_id",
        to_principal=of(Component.principal),
        to_interest=of(Component.interest),
        due_principal=of(Component.principal, billed),
        due_interest=of(Component.interest, billed),
        **{f"to_{each.part}": of(each) for each in CHARGES},
        to_credit=pl.col("amount") * becomes_credit(),
        recovered=pl.col("amount") * recovers(),
        # a charge is asked already, whenever it falls due
        standing=pl.col("amount") * (~billed & of_schedule() & (pl.col("instalment_no") != 0)),
        received=pl.col("amount"),
    )
    sums = neighbours_summed(parts.sort("loan_id"), "loan_id", parts.columns[1:])
    early_interest = pl.col("to_interest") - pl.col("due_interest")
    charges: balances.Columns = {}
    for each in CHARGES:
        charges |= balances.grow_due(each, -pl.col(f"to_{each.part}"))
    return (
        _with_less_on_time(paying, allocations)
        .join(sums, on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col(sums.columns[1:]).fill_null(0))
        .with_columns(
            **balances.grow_principal(-pl.col("to_principal")),
            **balances.grow_due(Component.principal, -pl.col("due_principal")),
            **balances.grow_due(Component.interest, -pl.col("due_interest")),
            **balances.grow_accrued(-early_interest),
            **segment.prepay(early_interest),
            **charges,
            credit=pl.col("credit") + pl.col("to_credit"),
            recoverable=pl.col("recoverable") - pl.col("recovered"),
            prepaid_dues=pl.col("prepaid_dues") + pl.col("standing"),
            principal_paid=pl.col("principal_paid") + pl.col("to_principal"),
            interest_paid=pl.col("interest_paid") + pl.col("to_interest"),
            charges_paid=pl.sum_horizontal(
                "charges_paid", *(f"to_{each.part}" for each in CHARGES)
            ),
            paid_today=pl.col("paid_today") + pl.col("received"),
            **line.pay_statement(pl.col("received")),
        )
        .select(paying.columns)
    )


def _with_less_on_time(paying: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """`paying` with `on_time_balance` less the principal that no instalment to come asked, where it is counted."""
    if paying["on_time_balance"].null_count() == paying.height:
        return paying
    off = (pl.col("instalment_no") == 0) & (pl.col("timing") == Timing.in_advance)
    off_the_balance = (
        allocations.filter(off & is_(Component.principal))
        .group_by("loan_id")
        .agg(off_the_balance=pl.col("amount").sum())
    )
    left = pl.col("on_time_balance") - pl.col("off_the_balance").fill_null(0)
    return (
        paying.join(off_the_balance, on="loan_id", how="left", maintain_order="left")
        .with_columns(on_time_balance=left.clip(lower_bound=0))
        .select(paying.columns)
    )


def stamped(
    paying: pl.DataFrame,
    dues: pl.DataFrame,
    allocations: pl.DataFrame,
    calendars: dict[int, Calendar],
) -> pl.DataFrame:
    """Dues with the money on them; money in advance opens a due of its own amount, on the business day
    on which its instalment falls due."""
    standing = allocations.filter(
        (pl.col("instalment_no") != 0) & pl.col("component").is_not_null()
    ).join(
        paying.select("loan_id", "business_date", "next_due_date", next_no="instalment_no"),
        on="loan_id", maintain_order="left",
    )  # fmt: skip
    if standing.is_empty():
        return dues
    opens = pl.col("due_date").is_null()
    is_next = pl.col("instalment_no") == pl.col("next_no")
    dated = standing.with_columns(
        due_date=pl.when(opens & is_next).then("next_due_date").otherwise("due_date"),
        amount=pl.when(opens).then("amount").otherwise(0),
        paid="amount",
        fee_assessed=pl.lit(False),
    )
    further = dated.filter(opens)
    if further.height:
        dated = pl.concat([dated.filter(~opens), dated_by_terms(further, paying, calendars)])
    return merge_dues(dues, dated.select(dues.columns))
