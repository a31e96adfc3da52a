"""Lines of credit: draws against the borrower's credit, and the grace of a statement
that was paid in full. What a statement asks: `loanbook.core.servicing.schedule.statements`."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Timing
from loanbook.core.catalogue.components import Component
from loanbook.core.frames import empty
from loanbook.core.servicing.interest.cash_advances import paid_first
from loanbook.core.servicing.loan import balances, line
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.allocations import Allocations
from loanbook.core.servicing.schedule.statements import payment_due


def judge_grace(day: DayState) -> None:
    """On the day on which a statement is due: whether it was paid in full."""
    due = pl.col("revolving") & (payment_due() == BUSINESS_DATE)
    if not day.loans.select(due.any()).item():
        return
    paid = pl.col("statement_unpaid") == 0
    day.loans = day.loans.with_columns(**line.judge_grace(paid, due))


def credit_meets_draws(day: DayState, events: pl.DataFrame) -> None:
    """The borrower's credit pays for a draw as far as it goes."""
    drawn = pl.col("loan_id").is_in(events["loan_id"].implode())
    meets = drawn & pl.col("revolving") & (pl.col("credit") > 0)
    mask = day.loans.select(meets).to_series()
    if not mask.any():
        return
    before = day.loans.filter(mask)
    used = pl.min_horizontal("credit", pl.col("principal") - pl.col("principal_due"))
    paid = before.with_columns(used=used).filter(pl.col("used") > 0)
    after = before.with_columns(
        credit=pl.col("credit") - used,
        **balances.grow_principal(-used),
        principal_paid=pl.col("principal_paid") + used,
    )
    after = paid_first(after, before.select(used).to_series())
    day.loans = replaced(day.loans, mask, before, after)
    rows = paid.select(
        "loan_id",
        event_id=pl.lit(0, dtype=pl.Int64),
        instalment_no=pl.lit(0, dtype=pl.Int16),
        component=pl.lit(Component.principal.value, dtype=pl.Int8),
        timing=pl.lit(Timing.in_advance.value, dtype=pl.Int8),
        amount="used",
    )
    day.allocations.append(rows.cast(dict(empty(Allocations).schema)))  # type: ignore[arg-type]
    day.book(paid, "borrower_credit", "loan_principal", "used")
