"""Projection: the instalments to come, if arrears are paid today and each one when it is due.

Billing's own functions are stepped from the current state, each loan on its own due dates, so
what is projected is what the close will bill.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.catalogue.components import Component, is_
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.servicing.interest.accrual import close_segment, earned
from loanbook.core.servicing.interest.pauses import pauses_of_period
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, Dues, due_rows
from loanbook.core.servicing.schedule.billing import (
    amounts,
    begin_next_period,
    whole_claim_due,
    with_advance,
)
from loanbook.core.servicing.schedule.payment_holiday import passed, passes
from loanbook.core.servicing.schedule.running_instalment import (
    goes_on_to_next,
    goes_onward,
    paid_onward,
    with_next,
)

ROWS = {
    "loan_id": pl.Int64,
    "instalment_no": pl.Int16,
    "due_date": pl.Date,
    "principal": pl.Int64,
    "interest": pl.Int64,
}
"""Schema of projected instalments; amounts are whole, money in advance included."""


def project(wide: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Instalments after `business_date` of live loans (terms, positions and `business_date`), schema `ROWS`.

    A schedule that stands whole is read off its dues. Others are stepped: unpaid principal bears
    interest to `business_date` and is paid then.
    """
    live = wide.filter(~pl.col("status").is_in(ENDED) & ~whole_claim_due() & ~pl.col("revolving"))
    whole = live.filter("materialised")
    parts = [pl.DataFrame(schema=ROWS)]
    if whole.height:
        parts.append(_materialised(whole, dues))
    stepped = live.filter(
        ~pl.col("materialised") & (pl.col("instalment_no") <= pl.col("instalments"))
    )
    if stepped.height:
        parts += _stepped(stepped, dues, calendars)
    return pl.concat(parts).sort("loan_id", "instalment_no")


def to_come(wide: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Dues of a running day that `dues` lack for projected instalments to stand whole."""
    rows = project(wide, dues, calendars).join(
        wide.select("loan_id", "business_date"), on="loan_id"
    )
    fresh = pl.concat(
        due_rows(rows, "instalment_no", component, "due_date", component.name)
        for component in (Component.principal, Component.interest)
    )
    existing = dues.select(*DUE_KEY, stood="amount", stands="paid")
    joined = fresh.join(existing, on=DUE_KEY, how="left", maintain_order="left").with_columns(
        pl.col("stood", "stands").fill_null(0)
    )
    onward = wide.filter(goes_onward())["loan_id"]
    if onward.len():  # money that stands with the running instalment will stand with those after it
        joined = joined.with_columns(paid=paid_onward(pl.col("loan_id").is_in(onward.implode())))
    return joined.with_columns(amount=pl.col("amount") - pl.col("stood")).drop("stood", "stands")


def _materialised(whole: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    coming = (
        dues.select(Dues.column_names())
        .join(whole.select("loan_id", "business_date"), on="loan_id")
        .filter((pl.col("due_date") > BUSINESS_DATE) & (pl.col("instalment_no") > 0))
    )

    def of(component: Component) -> pl.Expr:
        return pl.col("amount").filter(is_(component)).sum()

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
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> list[pl.DataFrame]:
    cursor = close_segment(loans, changes=pl.col("principal_due") > 0).with_columns(
        **balances.grow_principal(-pl.col("principal_due")),
        **balances.set_due(Component.principal, 0),
        **balances.set_due(Component.interest, 0),
        **balances.set_down_payment_due(0),
    )
    parts = []
    # what is due is paid: of a moratorium's end only what stands with instalments to come is left
    coming = (
        dues.select(Dues.column_names())
        .join(loans.select("loan_id", "business_date"), on="loan_id")
        .filter(pl.col("due_date") > BUSINESS_DATE)
        .drop("business_date")
    )
    left = cursor.select(
        pl.col("instalments").cast(pl.Int64)
        - pl.col("instalment_no")
        + 1
        + pl.col("moratorium_left").fill_null(0)
    )
    for _ in range(int(left.max().item())):
        cursor = pauses_of_period(cursor).with_columns(business_date="period_end")
        accrued = cursor.with_columns(**balances.set_accrued(earned(cursor)))
        rests, bills = accrued.filter(passes()), accrued.filter(~passes())
        after = []
        if rests.height:
            theirs = coming.join(rests.select("loan_id", "business_date"), on="loan_id")
            after.append(passed(rests, theirs, calendars)[0].select(cursor.columns))
        if bills.height:
            rows, billed, dues = _billed(bills, dues, calendars)
            parts.append(rows)
            after.append(billed.select(cursor.columns))
        cursor = pl.concat(after).filter(pl.col("instalment_no") <= pl.col("instalments"))
        if cursor.is_empty():
            break
    return parts


def _billed(
    bills: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The rows of an instalment, the loans after it is paid on its day, and their dues: what stands with
    it beyond what it asks may go on to the next one."""
    billed = amounts(with_advance(bills, dues))
    rows = billed.select(
        "loan_id",
        "instalment_no",
        due_date="next_due_date",
        principal=pl.col("billed_principal")
        + pl.col("early_principal")
        + pl.col("stands")
        - goes_on_to_next(),
        interest=pl.col("billed_interest") + pl.col("early_interest") + pl.col("interest_stands"),
    ).cast(ROWS)  # type: ignore[arg-type]
    paid = pl.col("billed_principal") + pl.col("stands")
    begun = begin_next_period(billed, calendars)
    after = begun.with_columns(
        **balances.grow_principal(-paid),
        **balances.set_due(Component.principal, 0),
        **balances.set_due(Component.interest, 0),
    )
    return rows, after, with_next(dues, begun)
