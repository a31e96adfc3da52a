"""Moratorium: the next instalments are not asked; they, and those after them, fall due later.

Each passed-over period ends on the due date it had, and nothing is billed. Its interest is not
earned from the order on (`none`), is earned and waits without bearing any (`simple`), or joins the
principal on that day (`capitalised`). With the last one the level instalment is solved anew, so
that it pays off over as many instalments as were left, what waits included. Arrears stay due and
go on counting. For products whose interest follows the balance.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import MoratoriumInterest, Status
from loanbook.core.catalogue.components import of_schedule
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.dates.due_dates import changes_of, counted_anew, first_due_for
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.opening import (
    move_period,
    stub_within,
    with_period_interest,
)
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.coming_dues import dated_by_terms
from loanbook.core.servicing.schedule.level_instalment import (
    not_on_time,
    stepped,
    with_what_stands,
)


def pass_over(day: DayState) -> None:
    """Move loans whose period ends today within a moratorium on to their next one."""
    if day.loans["moratorium_left"].null_count() == day.loans.height:
        return
    while (mask := day.loans.select(passes()).to_series()).any():  # several may end on one day
        before = day.loans.filter(mask)
        after, joined = passed(before, day.dues, day.policies.calendars)
        day.loans = replaced(day.loans, mask, before, after)
        day.dues = _moved(day.dues, after, day.policies.calendars)
        day.book(joined, "loan_principal", "interest_accrued", "capitalised")
        nobody = pl.lit(0, dtype=pl.Int64)
        day.changed.append(after.select("loan_id", event_id=nobody))


def passes() -> pl.Expr:
    """Loans whose period ends today and is passed over."""
    return (pl.col("period_end") == BUSINESS_DATE) & (pl.col("moratorium_left") > 0).fill_null(
        False
    )


def passed(
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Loans with their cursor before the same instalment, a period later.

    `dues`: theirs, with `business_date`. Returns terms and positions, and `loan_id`, `capitalised` (Int64) of interest that joined the
    principal. A charged-off claim capitalises nothing.
    """
    n = pl.col("instalment_no")
    grows = (pl.col("moratorium_interest") == MoratoriumInterest.capitalised.value) & (
        pl.col("status") == Status.active.value
    )
    last = pl.col("moratorium_left") == 1
    rule, none = pl.col("moratorium_interest"), MoratoriumInterest.none.value
    moved = (
        loans.with_columns(
            capitalised=pl.when(grows).then(pl.col("interest_accrued").clip(0)).otherwise(0),
            to=due_of(n.cast(pl.Int32) + 1, loans),
            ends=last,
        )
        .with_columns(**counted_anew(n.cast(pl.Int32) + 1, changes_of(loans), n.cast(pl.Int32)))
        .with_columns(
            **balances.grow_principal(pl.col("capitalised")),
            schedule_balance=pl.col("schedule_balance") + pl.col("capitalised"),
            on_time_balance=pl.col("on_time_balance") + pl.col("capitalised"),
            **balances.grow_accrued(-pl.col("capitalised")),
            first_due_date=first_due_for(pl.col("to"), n - 1),
            paused_until=pl.when(last & (rule == none))
            .then(BUSINESS_DATE)
            .otherwise("paused_until"),
            moratorium_left=pl.col("moratorium_left") - 1,
            **segment.restart(
                "period_end",
                pl.col("interest_accrued") + pl.col("accrued_prepaid") - pl.col("capitalised"),
            ),
            period_start="period_end",
            period_end="to",
        )
        .drop("to")
    )
    ended, rests = moved.filter("ends"), moved.filter(~pl.col("ends"))
    parts = [with_period_interest(move_period(rests, calendars))] if rests.height else []
    if ended.height:
        stands = with_what_stands(_waiting(ended), dues).with_columns(**_over(), **not_on_time())
        parts.append(stepped(stands, calendars))
    after = pl.concat(part.select(moved.columns) for part in parts).sort("loan_id")
    joined = after.filter(pl.col("capitalised") > 0).select("loan_id", "capitalised")
    return after.select(loans.columns), joined


def _waiting(ended: pl.DataFrame) -> pl.DataFrame:
    """Loans whose moratorium ends, as a change of the contract has them: what waits comes with the next instalment."""
    waits = pl.col("interest_accrued").clip(lower_bound=0)
    owes = pl.col("principal") - pl.col("principal_due") + waits > 0
    return ended.with_columns(
        **stub_within(owes & (pl.col("instalment_no") <= pl.col("instalments"))),
        lifted_interest=waits,
        keep=pl.lit(None, dtype=pl.String),
        more=pl.lit(None, dtype=pl.Int16),
    )


def _over() -> dict[str, pl.Expr]:
    """Columns of loans whose moratorium has passed over its last instalment."""
    return {
        "moratorium_left": pl.lit(None, dtype=pl.Int16),
        "moratorium_interest": pl.lit(None, dtype=pl.Int8),
    }


def _moved(dues: pl.DataFrame, loans: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Dues with money in advance on the date that its instalment falls due now."""
    to_move = (
        pl.col("loan_id").is_in(loans["loan_id"].implode())
        & (pl.col("due_date") >= BUSINESS_DATE)
        & of_schedule()
    )
    moving = dues.filter(to_move)
    if moving.is_empty():
        return dues
    return pl.concat([dues.filter(~to_move), dated_by_terms(moving, loans, calendars)])
