"""Reopening: an ended loan is in the book again when money moves for it, or people order it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import ENDED, GIVEN_UP, Status
from loanbook.core.catalogue.events import REOPENING
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import owes_nothing
from loanbook.core.servicing.schedule.billing import caught_up
from loanbook.core.servicing.schedule.fixed_schedule import FAR, instalment_of


@dataclass(frozen=True)
class Reopened:
    """Ended loans that something brings back, and those that stay aside; with the dues of each."""

    back: pl.DataFrame
    dues: pl.DataFrame
    aside: pl.DataFrame
    dues_aside: pl.DataFrame


def reopened(
    aside: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame, calendars: dict[int, Calendar]
) -> Reopened:
    """Ended loans (terms and last positions) that `events` bring back: active again, off the books, or
    written off as they were, for a claim that was given up stays so.

    What happened outside is always taken in. `dues` are those to come when the loans ended. Their
    cursor stands in the period of the day, as if they had stayed.
    """
    busy = events.filter(pl.col("kind").is_in([k.value for k in REOPENING]))["loan_id"]
    if busy.is_empty() or aside.is_empty():
        return Reopened(aside.clear(), dues.clear(), aside, dues)
    comes_back = pl.col("loan_id").is_in(busy.implode()) & pl.col("status").is_in(ENDED)
    back = aside.filter(comes_back).with_columns(status=status_owing_again())
    mask = pl.col("loan_id").is_in(back["loan_id"].implode())
    if back.height:
        day = events.filter(mask).select("loan_id", came="value_date").unique("loan_id")
        dated = back.drop("business_date", strict=False).join(
            day, on="loan_id", maintain_order="left"
        )
        dated = _pointed(dated.rename({"came": "business_date"}), calendars)
        moved = caught_up(dated, dues.filter(mask), calendars)
        back = moved.select(back.columns)
    return Reopened(back, dues.filter(mask), aside.filter(~mask), dues.filter(~mask))


def _pointed(back: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Loans whose schedule stands whole before the instalment that falls due next, as of their day."""
    whole = back["materialised"]
    if not whole.any():
        return back
    before = back.filter(whole)
    coming = instalment_of(
        before.with_columns(on=BUSINESS_DATE, strictly=pl.lit(True)), calendars
    ).with_columns(behind=pl.col("number") > pl.col("instalment_no"))
    ends = pl.when(pl.col("number") > pl.col("instalments")).then(
        BUSINESS_DATE + pl.duration(days=FAR)
    )
    moved = {
        "instalment_no": pl.col("number"),
        "period_start": due_of(pl.col("number") - 1, before),
        "period_end": ends.otherwise("falls"),
        "next_due_date": ends.otherwise("falls"),
    }
    after = coming.with_columns(
        pl.when("behind").then(value).otherwise(name).alias(name) for name, value in moved.items()
    )
    return replaced(back, whole, before, after.select(before.columns))


def status_owing_again() -> pl.Expr:
    """Status of a loan that owes again: a charge-off lasts, and a write-off."""
    off = pl.col("charged_off_on").is_not_null()
    return (
        pl.when(pl.col("written_off_on").is_not_null())
        .then(Status.written_off.value)
        .when(off)
        .then(Status.charged_off.value)
        .otherwise(Status.active.value)
        .cast(pl.Int8)
    )


def owing_again(loans: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """`loans` with the status of overpaid ones of `events` (`loan_id`) that owe again since money moved
    earlier in the day; `close_at_zero` gives it to all others."""
    named = pl.col("loan_id").is_in(events["loan_id"].implode())
    again = (pl.col("status") == Status.overpaid.value) & named & ~owes_nothing()
    if not loans.select(again.any()).item():
        return loans
    return loans.with_columns(status=pl.when(again).then(status_owing_again()).otherwise("status"))


def left_behind(settled: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Dues of ended loans that were to come after their `business_date`: they stand if the loan comes back.

    `settled`: dues with `business_date`; `gone`: positions of ended loans. Of what was given up, what was
    paid stands.
    """
    coming = settled.join(gone.select("loan_id", "status"), on="loan_id").filter(
        pl.col("due_date") > BUSINESS_DATE
    )
    given = pl.col("status").is_in(GIVEN_UP)
    kept = coming.with_columns(amount=pl.when(given).then("paid").otherwise("amount"))
    return kept.filter(~given | (pl.col("paid") > 0)).select(settled.columns)
