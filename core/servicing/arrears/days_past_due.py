"""Days past due: counted from the due date of the oldest instalment unpaid beyond tolerance."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import PPB, int128
from loanbook.core.ledger.events import with_payload
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE


def oldest_unpaid(dues: pl.DataFrame, products: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `oldest` (Date), `from_due_day` (Int64) of loans with counted arrears.

    `products`: `loan_id`, `product`. `rules`: `PolicyBook.delinquency`. First in, first out;
    an instalment counts while its unpaid counted components exceed the tolerance, of all that it
    asked: of products with a share as tolerance `dues` hold what is paid of open instalments too.
    """
    unpaid = pl.col("amount") - pl.col("paid")
    return (
        dues.join(products, on="loan_id")
        .join(rules.filter(pl.col("counts")), on=["product", "component"])
        .group_by("loan_id", "instalment_no")
        .agg(
            unpaid=unpaid.sum(),
            asked=pl.col("amount").sum(),
            # of an instalment whose parts fall due on several days the first that something is unpaid of
            due_date=pl.when(unpaid > 0).then("due_date").min(),
            from_due_day=pl.col("from_due_day").first(),
            tolerance=pl.col("tolerance").first(),
            tolerance_ppb=pl.col("tolerance_ppb").first(),
        )
        .filter(
            (pl.col("unpaid") > 0)
            & (pl.col("unpaid") > pl.col("tolerance"))
            & (
                int128(pl.col("unpaid")) * PPB
                > int128(pl.col("asked")) * int128(pl.col("tolerance_ppb"))
            )
        )
        .group_by("loan_id")
        .agg(oldest=pl.col("due_date").min(), from_due_day=pl.col("from_due_day").first())
    )


def days_past_due(as_of: pl.Expr, oldest: pl.Expr, from_due_day: pl.Expr) -> pl.Expr:
    """Days since the oldest unpaid due date.

    `from_due_day` 0: the due date is day 0. 1: the due date itself counts (RBI circular
    of 12 November 2021: due 31 Mar 2021, SMA-1 on 30 April).
    """
    counted = (as_of - oldest).dt.total_days() + from_due_day
    return counted.clip(lower_bound=0).fill_null(0).cast(pl.Int32)


OFF_RULE = (pl.col("off_after"), pl.col("off_at_month_end"))
"""A product's rule as `off_on` takes it (`PolicyBook.charge_offs`)."""


def off_on(oldest: pl.Expr, after: pl.Expr, at_month_end: pl.Expr) -> pl.Expr:
    """The date on which arrears since `oldest` take a loan off the books: so many days `after`, or
    at that month's end."""
    day = oldest + pl.duration(days=after)
    return pl.when(at_month_end).then(day.dt.month_end()).otherwise(day)


def delinquent_days(past_due: pl.Expr, grace: pl.Expr, paused: pl.Expr) -> pl.Expr:
    """Days that count as delinquent: past due, less grace, less days on which it was paused.

    Past-due days never pause. Paused days are min(date, pause end) - pause start, summed over
    the pauses that have begun (Int32, never below 0).
    """
    return (past_due - grace - paused).clip(lower_bound=0).cast(pl.Int32)


def paused_days(as_of: pl.Expr, start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Days of one pause up to the date; 0 before it begins."""
    reached = pl.min_horizontal(as_of, end)
    return (reached - start).dt.total_days().clip(lower_bound=0)


def pauses_of(events: pl.DataFrame) -> pl.DataFrame:
    """Pauses of delinquency: `loan_id`, `start`, `end` (Date), a resumption ending the one it is in.

    `events`: those that stand, with `loan_id`, `kind`, `payload`.
    """
    orders = with_payload(events, Kind.delinquency_paused).select("loan_id", "kind", "start", "end")
    begun = orders.filter(pl.col("kind") == Kind.delinquency_paused).with_row_index("nth")
    resumed = orders.filter(pl.col("kind") == Kind.delinquency_resumed).select(
        "loan_id", on="start"
    )
    within = (pl.col("on") >= pl.col("start")) & (pl.col("on") <= pl.col("end"))
    ends = begun.join(resumed, on="loan_id").filter(within).group_by("nth").agg(pl.col("on").min())
    return begun.join(ends, on="nth", how="left", maintain_order="left").select(
        "loan_id", "start", end=pl.coalesce("on", "end")
    )


def with_delinquent_days(
    positions: pl.DataFrame, pauses: pl.DataFrame, on: dt.date, grace_days: pl.Expr
) -> pl.DataFrame:
    """`positions` with `paused_days` and `delinquent_days` (Int32) as of `on`.

    `pauses`: `pauses_of`. Days of a pause count from the first day past due.
    """
    since = positions.select("loan_id", "oldest_due_date")
    counted = pauses.join(since, on="loan_id").filter(pl.col("oldest_due_date").is_not_null())
    begins = pl.max_horizontal("start", "oldest_due_date")
    paused = counted.group_by("loan_id").agg(
        paused_days=paused_days(pl.lit(on), begins, pl.col("end")).sum().cast(pl.Int32)
    )
    return positions.join(paused, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("paused_days").fill_null(0),
        delinquent_days=delinquent_days(
            pl.col("days_past_due"), grace_days, pl.col("paused_days").fill_null(0)
        ),
    )


def bucket_today(days: pl.Expr, versions: tuple[Buckets, ...]) -> pl.Expr:
    """Place (Int8) of the range that holds `days`, of the version in force on `business_date`.

    `versions`: `PolicyBook.buckets_since`, in the order in which they came into force.
    """
    chosen = bucket(days, versions[0])
    for later in versions[1:]:
        begun = pl.lit(later.effective_from) <= BUSINESS_DATE
        chosen = pl.when(begun).then(bucket(days, later)).otherwise(chosen)
    return chosen


def bucket(days: pl.Expr, buckets: Buckets) -> pl.Expr:
    """Place (Int8) of the range that holds `days`."""
    chosen = pl.lit(0, dtype=pl.Int8)
    for place, each in enumerate(buckets.ranges):
        chosen = (
            pl.when(days >= each.from_days).then(pl.lit(place, dtype=pl.Int8)).otherwise(chosen)
        )
    return chosen


def with_oldest(loans: pl.DataFrame, dues: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Positions with `oldest` (Date) and `from_due_day` of their counted arrears, or null."""
    fallen = dues.filter(pl.col("due_date") <= BUSINESS_DATE)
    if fallen.is_empty():
        return loans.with_columns(
            oldest=pl.lit(None, dtype=pl.Date),
            from_due_day=pl.lit(None, dtype=rules.schema["from_due_day"]),
        )
    oldest = oldest_unpaid(fallen, loans.select("loan_id", "product"), rules)
    return loans.join(oldest, on="loan_id", how="left", maintain_order="left")


def age(counted: pl.DataFrame, versions: tuple[Buckets, ...]) -> pl.DataFrame:
    """`oldest_due_date`, `days_past_due`, `bucket` of `with_oldest` positions on their `business_date`."""
    days = days_past_due(BUSINESS_DATE, pl.col("oldest"), pl.col("from_due_day"))
    late = pl.when(pl.col("days_past_due") > 0).then(pl.col("oldest"))
    return counted.with_columns(days_past_due=days).with_columns(
        oldest_due_date=late, bucket=bucket_today(pl.col("days_past_due"), versions)
    )
