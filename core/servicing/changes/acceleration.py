"""Acceleration: the lender terminates the contract, and all that is owed is due on the day.

The instalment that runs ends on the day with the interest earned to it and the whole principal;
on a due date what is to come joins the instalment billed on it. Charges to come fall due too.
From then on the loan is past its maturity. For products whose interest follows the balance.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import MoratoriumInterest
from loanbook.core.catalogue.components import Component, of_schedule
from loanbook.core.contract.dates.due_dates import anchor_at, due_date, first_due_for
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.frames import codes
from loanbook.core.servicing.changes.roll_in_arrears import give_up_shares
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, due_rows, merge_dues
from loanbook.core.servicing.loan.opening import move_period, with_period_interest
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax, untaxed
from loanbook.core.servicing.schedule.coming_dues import show_principal_due
from loanbook.core.servicing.schedule.fixed_schedule import point


def accelerate(day: DayState, events: pl.DataFrame, *, charges: bool = True) -> None:
    """Take terminations, one a loan; charges to come wait for their day where they aren't asked, and interest bears no tax."""
    orders = events.select("loan_id", "event_id")
    give_up_shares(day, orders)
    mask = day.loans["loan_id"].is_in(orders["loan_id"].implode())
    before = day.loans.filter(mask)
    n = pl.col("instalment_no")
    runs = (pl.col("period_start") < BUSINESS_DATE) | (n == 1)
    ending = close_segment(before).with_columns(
        last=pl.when(runs & (n <= pl.col("instalments"))).then(n).otherwise(n - 1)
    )
    _gather(day, ending)
    ended = ending.with_columns(
        # past maturity its last instalment keeps its due date
        falls=pl.when(n > pl.col("instalments"))
        .then(due_of(pl.col("instalments"), before))
        .otherwise(BUSINESS_DATE),
        rest=pl.col("principal") - pl.col("principal_due"),
        earned=pl.col("interest_accrued").clip(lower_bound=0),
    )
    _fall_due(day, ending, charges=charges)
    day.dues = merge_dues(day.dues, _due_at_once(ended))
    after = _past_maturity(ended, day)
    day.loans = replaced(day.loans, mask, before, after)
    show_principal_due(day, mask)
    whole = mask & day.loans["materialised"]
    if whole.any():
        day.loans = point(day.loans, day.dues, whole)
    day.book_within_claim(
        ended.select("loan_id", "earned").join(orders, on="loan_id"),
        "interest_due", "interest_accrued", "earned",
    )  # fmt: skip
    if charges:  # a charge-off asks no tax of what goes off the books
        _tax(day, ended)
    day.changed.append(orders)


def _tax(day: DayState, ended: pl.DataFrame) -> None:
    """Tax on the interest that fell due with the end of the contract, as far as it bore none."""
    due = ended.select("loan_id", instalment_no="last", due_date="falls")
    bases = day.loans.select("loan_id", base=untaxed()).join(due, on="loan_id")
    ask_tax(day, bases.with_columns(component=pl.lit(Component.interest.value, dtype=pl.Int8)))


def _gather(day: DayState, ending: pl.DataFrame) -> None:
    """What was paid of coming instalments joins the one that ends; the rest is asked with it."""
    coming = (pl.col("due_date") > BUSINESS_DATE) & (of_schedule())
    ahead = day.dues.join(ending.select("loan_id", "last"), on="loan_id").filter(coming)
    if ahead.is_empty():
        return
    kept = day.dues.join(ahead.select(DUE_KEY), on=DUE_KEY, how="anti")
    paid = ahead.filter(pl.col("paid") > 0).with_columns(
        instalment_no=pl.col("last").cast(pl.Int16), due_date=BUSINESS_DATE, amount="paid"
    )
    day.dues = merge_dues(kept, paid.select(day.dues.columns))


def _fall_due(day: DayState, ending: pl.DataFrame, *, charges: bool) -> None:
    """Charges to come fall due: all of them, or those of the instalment that ends."""
    dues = day.dues.join(
        ending.select("loan_id", "last"), on="loan_id", how="left", maintain_order="left"
    )
    falls = (pl.col("due_date") > BUSINESS_DATE) & pl.col("last").is_not_null()
    if not charges:
        falls &= pl.col("instalment_no") <= pl.col("last")
    falling = pl.when(falls).then(BUSINESS_DATE).otherwise("due_date")
    day.dues = dues.with_columns(due_date=falling).drop("last")


def _due_at_once(ended: pl.DataFrame) -> pl.DataFrame:
    """Dues of today: the rest of the principal, and the interest to the day."""
    ends = pl.col("due_date") == BUSINESS_DATE
    return pl.concat(
        due_rows(ended, "last", component, "falls", column).filter(
            (pl.col("amount") > 0) | ((component is Component.principal) & ends)
        )
        for component, column in ((Component.principal, "rest"), (Component.interest, "earned"))
    )


def _past_maturity(ended: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Terms whose last instalment fell due today, the cursor after it."""
    anchored = ended.with_columns(
        **balances.bill_interest(pl.col("earned")),
        **segment.clear_prepaid(),
        prepaid_dues=pl.lit(0, dtype=pl.Int64),
        first_due_date=first_due_for(BUSINESS_DATE, pl.col("last") - 1),
        anchor_day=anchor_at(BUSINESS_DATE),
        end_of_month=pl.lit(False),
        has_stub=pl.lit(False),
        stub_amount=pl.lit(0, dtype=pl.Int64),
        agreed_schedule=pl.lit(None, dtype=pl.String),
        matures_on=pl.lit(None, dtype=pl.Date),
        due_date_changes=pl.lit(None, dtype=pl.String),
        accelerated_on=BUSINESS_DATE,
        **_without_moratorium(),
        instalments=pl.col("last").cast(pl.Int16),
        instalment_no=(pl.col("last") + 1).cast(pl.Int16),
        period_start=BUSINESS_DATE,
    )
    moved = anchored.with_columns(
        **segment.restart(BUSINESS_DATE, "interest_accrued"),
        period_end=due_date(pl.col("instalment_no"), codes(anchored, "unit")),
    )
    return with_period_interest(move_period(moved, day.policies.calendars))


def _without_moratorium() -> dict[str, pl.Expr]:
    """No instalment is left that a moratorium could pass over, nor a night whose interest it forgives."""
    unearned = pl.col("moratorium_interest") == MoratoriumInterest.none.value
    return {
        "paused_until": pl.when(unearned).then(BUSINESS_DATE).otherwise("paused_until"),
        "moratorium_left": pl.lit(None, dtype=pl.Int16),
        "moratorium_interest": pl.lit(None, dtype=pl.Int8),
    }
