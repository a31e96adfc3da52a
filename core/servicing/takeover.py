"""Loans that already live: their opening balances, against a migration account per entity.

A loan that is taken over enters the book in the close of the date that its balances are of, with
all of that day behind it. Its cursor stands before the first instalment due after the date
(`core.contract.schedule.open_schedule`). What is overdue is spread evenly over the due dates that
have gone by since the first day past due, so that money for it moves days past due as it would
have.
"""

from __future__ import annotations

from typing import get_args

import polars as pl

from core.contract.figures import due_of
from core.contract.schedule import adjusted
from core.ledger.codes import Component, InterestMode, Kind
from core.policy.models import OpeningName
from core.servicing.accrual import earned
from core.servicing.book import due_rows, merge_dues
from core.servicing.carrying import CLAIM_ROLES
from core.servicing.delinquency import days_past_due
from core.servicing.running import Running
from core.servicing.today import TODAY

BALANCES = tuple(name for name in get_args(OpeningName) if name != "past_due_since")
"""What a loan brings, minor units; `principal` includes `principal_due`, billed and unpaid."""
OPENING = pl.Struct(dict.fromkeys(BALANCES, pl.Int64) | {"past_due_since": pl.String})
"""What the payload of a take-over says, as JSON."""
_DUE = {
    "principal_due": Component.principal,
    "interest_due": Component.interest,
    "fees_due": Component.fee,
    "penalties_due": Component.penalty,
    "taxes_due": Component.tax,
}


def openings(events: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `event_id`, the columns of `BALANCES` (Int64), `past_due_since`, `on` (Date)."""
    told = events.filter(pl.col("kind") == Kind.taken_over.value).select(
        "loan_id",
        "event_id",
        pl.col("payload").str.json_decode(OPENING).alias("told"),
        on="value_date",
    )
    return told.unnest("told").with_columns(
        pl.col("past_due_since").str.to_date(), pl.col("taxes_due").fill_null(0)
    )


def take_over(day: Running, events: pl.DataFrame) -> None:
    """Set what loans bring, as dues and balances, and book it against `migration`."""
    told = openings(events)
    brought = told.rename({name: f"{name}_told" for name in BALANCES})
    joined = day.touched.join(brought, on="loan_id", how="left", maintain_order="left")
    at = joined["event_id"].is_not_null()
    scheduled = pl.col("interest_mode") == InterestMode.scheduled
    news = joined.filter(at).with_columns(
        *(pl.col(f"{name}_told").alias(name) for name in BALANCES),
        principal_paid=pl.col("principal_agreed") - pl.col("principal_told"),
    )
    # interest of a schedule is the schedule's own: what a tape says of it may be off by rounding
    shown = news.with_columns(accrual_whole=0, accrual_rest=0, accrual_paid=0)
    accrued = pl.when(scheduled).then(earned(shown)).otherwise("interest_accrued")
    news = news.with_columns(interest_accrued=accrued).with_columns(
        accrual_whole=pl.when(scheduled).then(0).otherwise("interest_accrued"),
        accrual_rest=pl.lit(0, dtype=pl.Int64),
        accrual_from=pl.when(scheduled).then("accrual_from").otherwise(TODAY),
        interest_earned=pl.col("interest_accrued") + pl.col("interest_due"),
        interest_taxed="interest_due",  # where it lived before
    )
    day.dues = merge_dues(day.dues, _arrears(news, day))
    others = joined.filter(~at).select(day.touched.columns)
    day.touched = pl.concat([others, news.select(day.touched.columns)]).sort("loan_id")
    for column, role in CLAIM_ROLES.items():
        day.book(news, role, "migration", column)
    day.book(news, "migration", "borrower_credit", "credit")


def _arrears(news: pl.DataFrame, day: Running) -> pl.DataFrame:
    """Dues of what is overdue: evenly over the due dates since, the oldest takes the remainder."""
    late = news.filter(pl.sum_horizontal(*_DUE) > 0)
    if late.is_empty():
        return day.dues.clear()
    each = (
        late.with_columns(k=pl.int_ranges(1, pl.col("instalment_no").cast(pl.Int64)))
        .explode("k")
        .with_columns(pl.col("k").fill_null(1).cast(pl.Int16))
    )
    each = each.with_columns(d=due_of(pl.col("k"), each))
    each = each.with_columns(d=adjusted(pl.col("d"), each, day.policies.calendars))
    # a loan whose arrears began after its last due date has them on that instalment
    last = pl.col("k") == pl.col("k").max().over("loan_id")
    since = each.filter((pl.col("d") >= pl.col("past_due_since")) | last)
    begins = pl.col("k") == pl.col("k").min().over("loan_id")
    whole = since.with_columns(
        begins=begins,
        count=pl.len().over("loan_id").cast(pl.Int64),
        due=pl.when(begins).then("past_due_since").otherwise("d"),
    )
    parts = []
    for column, component in _DUE.items():
        even = pl.col(column) // pl.col("count")
        first = pl.col(column) - even * (pl.col("count") - 1)
        charges = component > Component.interest  # a charge stands once, with the oldest
        rest = pl.lit(0, dtype=pl.Int64) if charges else even
        amount = pl.when("begins").then(pl.col(column) if charges else first).otherwise(rest)
        rows = whole.with_columns(share=amount).filter(pl.col("share") > 0)
        parts.append(due_rows(rows, "k", component, "due", "share"))
    return pl.concat(parts).with_columns(fee_assessed=pl.lit(True))


def tied(told: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """The tape beside the ledger, loan by loan and balance by balance.

    `told`: `openings` of one date; `positions`: those of that date. Returns `loan_id`,
    `balance`, `tape`, `ledger`, `difference` (Int64 minor units), `ties` (Boolean); days past due
    are one of the balances.
    """
    days = days_past_due(pl.col("on"), pl.col("past_due_since"), pl.lit(0))
    names = [*BALANCES, "days_past_due"]
    tape = told.with_columns(days_past_due=days.cast(pl.Int64)).unpivot(
        names, index="loan_id", variable_name="balance", value_name="tape"
    )
    ledger = positions.select("loan_id", *(pl.col(n).cast(pl.Int64) for n in names)).unpivot(
        names, index="loan_id", variable_name="balance", value_name="ledger"
    )
    return (
        tape.join(ledger, on=["loan_id", "balance"], how="left", maintain_order="left")
        .with_columns(difference=pl.col("ledger") - pl.col("tape"))
        .with_columns(ties=(pl.col("difference") == 0).fill_null(False))
    )
