"""Projection: the instalments to come, if arrears are paid today and each one when it is due.

Billing's own functions are stepped from the current state, each loan on its own due dates, so
what is projected is what the close will bill. An instalment that a calendar moves is paid on the day it
falls due, and bears interest to it; a payment that interest is due at is a rounding point.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Status
from loanbook.core.catalogue.components import Component, is_
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.servicing.interest.accrual import close_segment, earned
from loanbook.core.servicing.interest.pauses import pauses_of_period
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, Dues, due_rows
from loanbook.core.servicing.schedule.billing import (
    amounts,
    begin_next_period,
    whole_claim_due,
    with_advance,
)
from loanbook.core.servicing.schedule.moved_due_dates import billed_early, billed_not_due
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


def project(
    wide: pl.DataFrame,
    dues: pl.DataFrame,
    calendars: dict[int, Calendar],
    through: dt.date = dt.date.max,
) -> pl.DataFrame:
    """Instalments after `business_date` of live loans (terms, positions and `business_date`), schema `ROWS`:
    at least those that fall due by `through`.

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
        parts += _stepped(stepped, dues, calendars, through)
    return pl.concat(parts).sort("loan_id", "instalment_no")


def to_come(
    wide: pl.DataFrame,
    dues: pl.DataFrame,
    calendars: dict[int, Calendar],
    through: dt.date = dt.date.max,
) -> pl.DataFrame:
    """Dues of a running day that `dues` lack for projected instalments, at least those due by `through`, to
    stand whole."""
    rows = project(wide, dues, calendars, through).join(
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
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar], through: dt.date
) -> list[pl.DataFrame]:
    cursor = _with_arrears_paid(loans, dues)
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
        cursor, met = _paid_within(cursor)
        cursor = pauses_of_period(cursor).with_columns(business_date="period_end")
        accrued = cursor.with_columns(**balances.set_accrued(earned(cursor)))
        rests, bills = accrued.filter(passes()), accrued.filter(~passes())
        parts += met
        after = []
        if rests.height:
            theirs = coming.join(rests.select("loan_id", "business_date"), on="loan_id")
            after.append(passed(rests, theirs, calendars)[0].select(cursor.columns))
        if bills.height:
            rows, billed, dues = _billed(bills, dues, calendars)
            parts.append(rows)
            further = rows.filter(pl.col("due_date") <= through)["loan_id"]
            stays = pl.col("loan_id").is_in(further.implode())
            after.append(billed.filter(stays).select(cursor.columns))
        cursor = pl.concat(after)
        ends = pl.col("instalment_no") > pl.col("instalments")
        parts += _paid_at_the_end(cursor.filter(ends))
        cursor = cursor.filter(~ends)
        if cursor.is_empty():
            break
    if not loans["due_at_payment"].any():
        return parts
    # what a payment finds earned takes the place of principal in the instalment that it pays
    return [pl.concat(parts).group_by("loan_id", "instalment_no").agg(
        pl.col("due_date").max(), pl.col("principal", "interest").sum()
    ).select(*ROWS).filter(pl.col("due_date").is_not_null())]  # fmt: skip


def _with_arrears_paid(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """Loans after what is due is paid today; what was billed and falls due later is paid then: `pays` principal
    on `pays_on`, with the rest that is asked of it."""
    ahead = billed_not_due(
        dues.join(loans.select("loan_id", "business_date"), on="loan_id"),
        loans.filter(billed_early()),
    )
    waits = ahead.group_by("loan_id").agg(
        pays_on=pl.col("due_date").max(),
        pays=(pl.col("amount") - pl.col("paid")).filter(is_(Component.principal)).sum(),
    )
    started = loans.join(waits, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("pays").fill_null(0)
    )
    due = pl.col("principal_due") - pl.col("pays")
    paid, _ = _paid(close_segment(started, changes=due > 0), due)
    return paid.with_columns(**balances.set_down_payment_due(0))


def _paid(loans: pl.DataFrame, principal: pl.Expr) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Loans after money meets so much principal of what was asked of them, and all of the interest; and by how
    much, of interest that is due at payment, what is earned to the day takes the place of principal in the
    instalment billed last (`ROWS`)."""
    at_payment = pl.col("due_at_payment") & (pl.col("status") == Status.active.value)
    pays = at_payment & (principal + pl.col("interest_due") > 0)
    pays = pays & (pl.col("interest_accrued") + pl.col("interest_due") > 0)
    takes = pl.when(pays).then(pl.min_horizontal("interest_accrued", principal)).otherwise(0)
    taken = loans.with_columns(_principal=principal, _pays=pays, _takes=takes)
    after = taken.with_columns(
        **balances.grow_principal(pl.col("_takes") - pl.col("_principal")),
        **balances.grow_due(Component.principal, -pl.col("_principal")),
        **balances.set_due(Component.interest, 0),
        **balances.grow_accrued(-pl.col("_takes")),
        **segment.set_earned(
            pl.col("interest_accrued") - pl.col("_takes") + pl.col("accrued_prepaid"),
            where=pl.col("_pays"),
        ),
    )
    met = taken.filter(pl.col("_takes") > 0).select(
        "loan_id", instalment_no=pl.col("instalment_no") - 1, due_date=pl.lit(None),
        principal=-pl.col("_takes"), interest="_takes",
    ).cast(ROWS)  # type: ignore[arg-type]  # fmt: skip
    return after.select(loans.columns), [met] if met.height else []


def _paid_within(cursor: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Loans after what was billed before and falls due within the running period is paid on its day."""
    return _paid_where(cursor, pl.col("pays_on") < pl.col("period_end"))


def _paid_at_the_end(ended: pl.DataFrame) -> list[pl.DataFrame]:
    """What the payment of a last instalment that falls due later finds earned (`_paid`)."""
    return _paid_where(ended, pl.col("pays_on").is_not_null())[1]


def _paid_where(cursor: pl.DataFrame, where: pl.Expr) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    paying = cursor.filter(where)
    if paying.is_empty():
        return cursor, []
    on_day = paying.with_columns(business_date="pays_on")
    closed = close_segment(
        on_day.with_columns(**balances.set_accrued(earned(on_day))), changes=pl.col("pays") > 0
    )
    paid, met = _paid(closed, pl.col("pays"))
    paid = paid.with_columns(pays_on=pl.lit(None, dtype=pl.Date), pays=pl.lit(0, dtype=pl.Int64))
    rest = cursor.filter(~where.fill_null(False))
    return pl.concat([rest, paid]), met


def _billed(
    bills: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The rows of an instalment, the loans after it is paid on its day, and their dues: what stands with
    it beyond what it asks may go on to the next one. One that falls due later waits for that day (`pays_on`)."""
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
    asks = pl.col("pays") + pl.col("billed_principal") + pl.col("stands")
    waits = billed_early() & (pl.col("next_due_date") > pl.col("period_end"))
    asked = billed.with_columns(
        pays=asks, pays_on=pl.when(waits).then("next_due_date").otherwise(None)
    )
    begun = begin_next_period(asked, calendars)
    later = begun.filter(pl.col("pays_on").is_not_null())
    now, _ = _paid(begun.filter(pl.col("pays_on").is_null()), pl.col("pays"))
    now = now.with_columns(pays=pl.lit(0, dtype=pl.Int64))
    return rows, pl.concat([now, later]), with_next(dues, begun)
