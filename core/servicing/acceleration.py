"""Acceleration: the lender terminates the contract, and all that is owed is due on the day.

The instalment that runs ends on the day with the interest earned to it and the whole principal;
on a due date what is to come joins the instalment billed on it. Charges to come fall due too.
From then on the loan is past its maturity. For products whose interest follows the balance.
"""

from __future__ import annotations

import polars as pl

from core.contract.due_dates import due_date, first_due_for
from core.contract.figures import codes, due_of
from core.ledger.codes import Component
from core.servicing.accrual import close_segment
from core.servicing.book import due_rows, merge_dues, replaced
from core.servicing.dues_to_come import fall_due, show_principal_due
from core.servicing.opening import move_period, with_period_interest
from core.servicing.running import Running
from core.servicing.today import TODAY


def accelerate(day: Running, events: pl.DataFrame) -> None:
    """Take terminations, one a loan."""
    told = events.select("loan_id", "event_id")
    at = day.touched["loan_id"].is_in(told["loan_id"].implode())
    before = day.touched.filter(at)
    stands = _standing_later(day, told)
    n = pl.col("instalment_no")
    runs = (pl.col("period_start") < TODAY) | (n == 1)
    asked = (
        close_segment(before)
        .join(stands, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("principal_later", "interest_later").fill_null(0),
            last=pl.when(runs & (n <= pl.col("instalments"))).then(n).otherwise(n - 1),
        )
        .with_columns(
            # past maturity its last instalment keeps its due date
            falls=pl.when(n > pl.col("instalments"))
            .then(due_of(pl.col("instalments"), before))
            .otherwise(TODAY),
            rest=pl.col("principal") - pl.col("principal_due") - pl.col("principal_later"),
            earned=(pl.col("interest_accrued") - pl.col("interest_later")).clip(lower_bound=0),
        )
    )
    fall_due(day, told["loan_id"])
    day.dues = merge_dues(day.dues, _due_at_once(asked))
    billed = pl.col("earned") + pl.col("interest_later")
    after = _past_maturity(asked.with_columns(billed=billed), day)
    day.touched = replaced(day.touched, at, before, after)
    show_principal_due(day, at)
    day.book(
        asked.select("loan_id", billed=billed).join(told, on="loan_id"),
        "interest_due", "interest_accrued", "billed",
    )  # fmt: skip
    day.changed.append(told)


def _standing_later(day: Running, told: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, unpaid `principal_later` and `interest_later` that stand with instalments to come."""
    unpaid = pl.col("amount") - pl.col("paid")
    later = day.dues.filter(pl.col("due_date") > TODAY)

    def of(component: Component) -> pl.Expr:
        return unpaid.filter(pl.col("component") == component.value).sum()

    return (
        later.join(told.select("loan_id"), on="loan_id", how="semi")
        .group_by("loan_id")
        .agg(principal_later=of(Component.principal), interest_later=of(Component.interest))
    )


def _due_at_once(asked: pl.DataFrame) -> pl.DataFrame:
    """Dues of today: the rest of the principal, and the interest to the day."""
    ends = pl.col("due_date") == TODAY
    return pl.concat(
        due_rows(asked, "last", component, "falls", column).filter(
            (pl.col("amount") > 0) | ((component is Component.principal) & ends)
        )
        for component, column in ((Component.principal, "rest"), (Component.interest, "earned"))
    )


def _past_maturity(asked: pl.DataFrame, day: Running) -> pl.DataFrame:
    """Terms whose last instalment fell due today, the cursor after it."""
    first = first_due_for(TODAY, pl.col("last") - 1)
    anchored = asked.with_columns(
        interest_due=pl.col("interest_due") + pl.col("billed"),
        interest_accrued=pl.col("interest_accrued") - pl.col("billed"),
        accrual_paid=pl.lit(0, dtype=pl.Int64),
        accrual_rest=pl.lit(0, dtype=pl.Int64),
        advance_paid=pl.lit(0, dtype=pl.Int64),
        accrual_from=TODAY,
        first_due_date=pl.coalesce(first, "first_due_date"),
        anchor_day=TODAY.dt.day().cast(pl.Int8),
        end_of_month=pl.lit(False),
        has_stub=pl.lit(False),
        matures_on=pl.lit(None, dtype=pl.Date),
        accelerated_on=TODAY,
        instalments=pl.col("last").cast(pl.Int16),
        instalment_no=(pl.col("last") + 1).cast(pl.Int16),
        period_start=TODAY,
    )
    moved = anchored.with_columns(
        accrual_whole="interest_accrued",
        period_end=due_date(pl.col("instalment_no"), codes(anchored, "unit")),
    )
    return with_period_interest(move_period(moved, day.policies.calendars))
