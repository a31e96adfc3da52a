"""A running instalment that takes all money beyond what is due, as its principal.

Products say so with `payments.excess: running_then_recast`, `running_then_curtailment` or
`running_then_next`: the classic declining-balance schedule with interest recalculated. Money between due
dates lowers the balance from that night on and stands with the running instalment, which asks its interest
on the due date. What is beyond the instalment's principal lowers the level instalment after it, ends the
loan sooner, or stands with the next ones. On a due date the instalment of that day asks so much more.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import RUNNING_TAKES_ALL, Excess, InterestMode
from loanbook.core.catalogue.components import Component, is_principal
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import due_rows, merge_dues, poured
from loanbook.core.servicing.loan.opening import with_level_instalment


def running_takes_all() -> pl.Expr:
    """Loans whose running instalment takes all money beyond what is due."""
    takes = pl.col("excess").is_in([each.value for each in RUNNING_TAKES_ALL])
    return takes & (pl.col("interest_mode") == InterestMode.daily) & ~pl.col("materialised")


def any_takes_all(loans: pl.DataFrame) -> bool:
    """Whether a product of the loans says so."""
    return bool(loans["excess"].is_in([each.value for each in RUNNING_TAKES_ALL]).any())


def goes_on_to_next() -> pl.Expr:
    """What is beyond the principal of an instalment that is billed and stands with the next one from now
    on (Int64); reads `beyond_instalment`."""
    return pl.when(goes_onward()).then("beyond_instalment").otherwise(0)


def goes_onward() -> pl.Expr:
    """Loans whose money beyond the running instalment stands with those after it."""
    return pl.col("excess") == Excess.running_then_next.value


def paid_onward(where: pl.Expr) -> pl.Expr:
    """What comes to be paid of dues to come by what stands with them (`stands`, Int64), beside that; of loans
    `where`. Reads dues by instalment and component, in order, with all that each asks as `amount`."""
    reaches = poured(pl.col("stands"), ["loan_id", "component"])
    return pl.when(where & is_principal()).then(reaches - pl.col("stands")).otherwise("paid")


def with_next(dues: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """Dues with what stood with the instalment before and goes on to the running one there; `begun`:
    loans at the start of its period, with `beyond_instalment`."""
    if not any_takes_all(begun):
        return dues
    going = begun.with_columns(_goes=goes_on_to_next()).filter(pl.col("_goes") > 0)
    if going.is_empty():
        return dues
    number = pl.col("instalment_no")
    here = due_rows(going, number - 1, Component.principal, "period_start", -pl.col("_goes"))
    there = due_rows(going, number, Component.principal, "next_due_date", "_goes")
    moved = merge_dues(dues, pl.concat([here, there]).with_columns(paid="amount"))
    return moved.filter((pl.col("amount") != 0) | (pl.col("paid") != 0))


def lowered(begun: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """Loans at the start of a period, the level instalment of those `where` solved anew: it pays off the
    principal that is not due over the instalments left."""
    solves = (pl.col("excess") == Excess.running_then_recast.value) & where
    unbilled = pl.col("principal") - pl.col("principal_due")
    to_come = pl.col("instalment_no") <= pl.col("instalments")
    rest = begun.filter(solves & to_come & (unbilled > 0)).with_columns(principal_agreed=unbilled)
    return with_level_instalment(begun, rest)


def demanded_on_due_date(
    loans: pl.DataFrame, dues: pl.DataFrame, money: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """Loans, dues, and the ids of loans whose instalment of today asks more principal, since `money`
    (`loan_id`, `amount`) on its due date is beyond all that is due.

    Where it goes on to the next instalments, the running one takes it instead.
    """
    asks = (
        running_takes_all()
        & (pl.col("excess") != Excess.running_then_next.value)
        & (pl.col("period_start") == BUSINESS_DATE)
        & (pl.col("instalment_no") > 1)
    )
    before = loans.filter(asks & pl.col("loan_id").is_in(money["loan_id"].implode()))
    if before.is_empty():
        return loans, dues, before["loan_id"]
    due = pl.col("due_date") <= BUSINESS_DATE
    owed = dues.filter(due).group_by("loan_id").agg(owed=(pl.col("amount") - pl.col("paid")).sum())
    beyond = pl.col("amount") - pl.col("owed").fill_null(0)
    unbilled = pl.col("principal") - pl.col("principal_due")
    asked = (
        before.join(money.select("loan_id", "amount"), on="loan_id", maintain_order="left")
        .join(owed, on="loan_id", how="left", maintain_order="left")
        .with_columns(more=pl.min_horizontal(beyond, unbilled))
        .filter(pl.col("more") > 0)
        .with_columns(**balances.grow_due(Component.principal, pl.col("more")))
    )
    mask = loans["loan_id"].is_in(asked["loan_id"].implode())
    rows = due_rows(
        asked.with_columns(pl.col("instalment_no") - 1), "instalment_no", Component.principal,
        "period_start", "more",
    )  # fmt: skip
    after = replaced(loans, mask, loans.filter(mask), asked.select(loans.columns))
    return after, merge_dues(dues, rows), asked["loan_id"]
