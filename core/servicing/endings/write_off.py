"""Write-off: a person gives the claim up, and it is extinguished. It is final.

What comes for it later is income, up to what was given up (`recoverable`); the rest is the borrower's. What
is lent or charged later all the same (a payout that was made before the write-off came to light) is so much
more that was given up.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import CLAIM_ROLES
from loanbook.core.servicing.charges.penal_interest import none_borne
from loanbook.core.servicing.endings.interest_at_charge_off import claim_in_full, earn_prepaid
from loanbook.core.servicing.income.deferred_income import offset_loss
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import charged_off, claim, owes_nothing
from loanbook.core.servicing.loan.posting import DayState


def write_off(day: DayState, events: pl.DataFrame) -> None:
    """A person gives the claim up: that which a charge-off would make."""
    claim_in_full(day, events)
    _earn_prepaid(day, events, owing())
    mask = pl.col("loan_id").is_in(events["loan_id"].implode()) & owing()
    day.loans = day.loans.with_columns(
        written_off_on=pl.when(mask).then(BUSINESS_DATE).otherwise("written_off_on"),
        recoverable=pl.when(mask).then(claim()).otherwise("recoverable"),
    )
    give_up(day, events, Status.written_off)


def give_up_anew(day: DayState) -> None:
    """What loans owe that were written off before is given up with the rest, at the end of its day."""
    if day.loans["written_off_on"].null_count() == day.loans.height:
        return
    again = pl.col("written_off_on").is_not_null() & ~owes_nothing()
    owed = day.loans.filter(again).select("loan_id", event_id=pl.lit(0, dtype=pl.Int64))
    if owed.is_empty():
        return
    more = pl.when(again).then(claim()).otherwise(0)
    day.loans = day.loans.with_columns(recoverable=pl.col("recoverable") + more)
    give_up(day, owed, Status.written_off, again)


def _earn_prepaid(day: DayState, events: pl.DataFrame, where: pl.Expr) -> None:
    """What is given up is what a payoff would ask: no interest that was paid in advance is set against it."""
    mine = pl.col("loan_id").is_in(events["loan_id"].implode())
    earn_prepaid(day, events, day.loans.select(mine & where).to_series())


def owing() -> pl.Expr:
    """Loans with a claim to give up, on the books or off them."""
    return pl.col("status").is_in([Status.active.value, Status.charged_off.value])


def give_up(
    day: DayState, events: pl.DataFrame, status: Status, where: pl.Expr | None = None
) -> None:
    """The claim is extinguished: every component against the write-off, or memorandum only.

    Of loans `where`, those with a claim. Of one that owes nothing, because money came to light since, there
    is nothing to give up.
    """
    where = owing() if where is None else where
    _earn_prepaid(day, events, where)
    loans = (
        day.loans.filter(where)
        .join(events.select("loan_id", "event_id"), on="loan_id")
        .with_columns(claim=claim())
    )
    kept = loans.filter(~charged_off())
    for column, role in CLAIM_ROLES.items():
        day.book(kept, "write_off_expense", role, column)
    off = loans.filter(charged_off())
    day.book(off, "memo_contra", "memo_claim", "claim")
    offset_loss(day, loans, "write_off_expense")
    day.loans = extinguished(day.loans, loans["loan_id"], status)
    _stay_as_paid(day, loans["loan_id"])


def _stay_as_paid(day: DayState, ids: pl.Series) -> None:
    """Of loans `ids` that stay in the book since their borrower has credit, dues ask no more than was paid."""
    overpaid = pl.col("loan_id").is_in(ids.implode()) & (pl.col("status") == Status.overpaid.value)
    stay = day.loans.filter(overpaid)["loan_id"]
    if stay.is_empty():
        return
    theirs = pl.col("loan_id").is_in(stay.implode())
    asked = pl.when(theirs).then("paid").otherwise("amount")
    day.dues = day.dues.with_columns(amount=asked).filter(~theirs | (pl.col("paid") > 0))


def extinguished(loans: pl.DataFrame, ids: pl.Series, status: Status) -> pl.DataFrame:
    """Positions with the whole claim of loans `ids` given up, and their `status` from now on.

    One whose borrower has credit is overpaid: the credit is still owed.
    """
    mask = pl.col("loan_id").is_in(ids.implode())
    return loans.with_columns(
        **balances.extinguish(mask),
        **line.extinguish(mask),
        **none_borne(mask),
        period_interest=pl.when(mask).then(0).otherwise("period_interest"),
        prepaid_dues=pl.when(mask).then(0).otherwise("prepaid_dues"),
        **segment.set_earned_of_advances(0, where=mask),
        **segment.set_earned("accrued_prepaid", where=mask),
        status=pl.when(mask & (pl.col("credit") > 0))
        .then(Status.overpaid.value)
        .when(mask)
        .then(status.value)
        .otherwise("status")
        .cast(pl.Int8),
    )
