"""Stops: the next date on which more happens to a loan than another night of interest."""

from __future__ import annotations

import polars as pl

from core.ledger.codes import Component, Status
from core.servicing.billing import whole_claim_due
from core.servicing.today import TODAY

ONE_DAY = pl.duration(days=1)


def next_stops(
    live: pl.DataFrame, dues: pl.DataFrame, coming: pl.DataFrame, late_fees: pl.DataFrame
) -> pl.DataFrame:
    """`loan_id`, `stop` (Date, after the loan's `today`) of loans that something awaits.

    `live`: terms, positions and `today`; `dues` with `today`; `coming`: `loan_id`, `day` of the
    events that are left; `late_fees`: `PolicyBook.late_fees`. A loan stops where an event is
    valued, its period ends, a due falls, a late fee's grace is over, and on the day after money
    stayed with the borrower though something was due.
    """
    parts = [
        coming.group_by("loan_id").agg(stop=pl.col("day").min()),
        live.filter((pl.col("period_end") > TODAY) & ~whole_claim_due()).select(
            "loan_id", stop="period_end"
        ),
        _falling(dues),
        _charged(live, dues, late_fees),
        _with_credit(live, dues),
    ]
    return pl.concat(parts).group_by("loan_id").agg(pl.col("stop").min())


def _falling(dues: pl.DataFrame) -> pl.DataFrame:
    later = dues.filter(pl.col("due_date") > TODAY)
    return later.group_by("loan_id").agg(stop=pl.col("due_date").min())


def _charged(live: pl.DataFrame, dues: pl.DataFrame, fees: pl.DataFrame) -> pl.DataFrame:
    """The first day on which a late fee is due: the one after the grace."""
    claims = live.filter(pl.col("status") == Status.active).select("loan_id", "product")
    waits = dues.filter(
        (pl.col("component") <= Component.interest.value)
        & ~pl.col("fee_assessed")
        & (pl.col("amount") > pl.col("paid"))
    )
    over = pl.col("due_date") + pl.duration(days=pl.col("fee_grace") + 1)
    dated = (
        waits.join(claims, on="loan_id")
        .join(fees.select("product", "fee_grace"), on="product")
        .select("loan_id", "today", stop=over)
    )
    return dated.filter(pl.col("stop") > TODAY).select("loan_id", "stop")


def _with_credit(live: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    holds = live.filter((pl.col("credit") > 0) & (pl.col("credit_use") == 1))
    due = dues.filter(pl.col("due_date") <= TODAY)
    return holds.join(due, on="loan_id", how="semi").select("loan_id", stop=TODAY + ONE_DAY)
