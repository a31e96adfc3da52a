"""Projection: the instalments to come, if arrears are paid today and each one when it is due.

Billing's own functions are stepped from the current state, each loan on its own due dates, so
what is projected is what the close will bill.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from core.contract.calendar import Calendar
from core.ledger.codes import ENDED, Component
from core.servicing.accrual import close_segment, earned
from core.servicing.billing import amounts, next_period, whole_claim_due, with_advance

ROWS = {
    "loan_id": pl.Int64,
    "instalment_no": pl.Int16,
    "due_date": pl.Date,
    "principal": pl.Int64,
    "interest": pl.Int64,
}
"""Schema of projected instalments; amounts are whole, money in advance included."""


def project(
    wide: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar], date: dt.date
) -> pl.DataFrame:
    """Instalments after `date` of live loans (terms and positions), schema `ROWS`.

    A schedule that stands whole is read off its dues. Others are stepped: unpaid principal bears
    interest to `date` and is paid then.
    """
    live = wide.filter(~pl.col("status").is_in(ENDED) & ~whole_claim_due())
    whole = live.filter("whole_schedule")
    parts = [pl.DataFrame(schema=ROWS)]
    if whole.height:
        parts.append(_standing(whole, dues, date))
    stepped = live.filter(
        ~pl.col("whole_schedule") & (pl.col("instalment_no") <= pl.col("instalments"))
    )
    if stepped.height:
        parts += _stepped(stepped, dues, calendars, date)
    return pl.concat(parts).sort("loan_id", "instalment_no")


def _standing(whole: pl.DataFrame, dues: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    coming = dues.filter((pl.col("due_date") > date) & (pl.col("instalment_no") > 0)).join(
        whole.select("loan_id"), on="loan_id"
    )

    def of(component: Component) -> pl.Expr:
        return pl.col("amount").filter(pl.col("component") == component.value).sum()

    return (
        coming.group_by("loan_id", "instalment_no")
        .agg(
            pl.col("due_date").max(),
            principal=of(Component.principal),
            interest=of(Component.interest),
        )
        .select(*ROWS)
        .cast(ROWS)  # type: ignore[arg-type]
    )


def _stepped(
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar], date: dt.date
) -> list[pl.DataFrame]:
    cursor = close_segment(loans, date).with_columns(
        principal=pl.col("principal") - pl.col("principal_due"),
        principal_due=pl.lit(0, dtype=pl.Int64),
        interest_due=pl.lit(0, dtype=pl.Int64),
    )
    end = pl.col("period_end")
    parts = []
    left = cursor.select(pl.col("instalments").cast(pl.Int64) - pl.col("instalment_no") + 1)
    for _ in range(int(left.max().item())):
        accrued = cursor.with_columns(interest_accrued=earned(cursor, end))
        asked = amounts(with_advance(accrued, dues))
        parts.append(
            asked.select(
                "loan_id",
                "instalment_no",
                due_date="next_due_date",
                principal=pl.col("billed_principal") + pl.col("early_principal") + pl.col("stands"),
                interest=pl.col("billed_interest")
                + pl.col("early_interest")
                + pl.col("interest_stands"),
            ).cast(ROWS)  # type: ignore[arg-type]
        )
        moved = next_period(asked, end, calendars)
        paid = pl.col("billed_principal") + pl.col("stands")
        cursor = moved.with_columns(
            principal=pl.col("principal") - paid,
            principal_due=pl.lit(0, dtype=pl.Int64),
            interest_due=pl.lit(0, dtype=pl.Int64),
        ).select(cursor.columns)
        cursor = cursor.filter(pl.col("instalment_no") <= pl.col("instalments"))
        if cursor.is_empty():
            break
    return parts
