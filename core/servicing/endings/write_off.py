"""Write-off: a person gives the claim up, and it is extinguished. It is final.

What comes for it later is income, up to what was given up (`recoverable`); the rest is the borrower's.
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
from loanbook.core.servicing.loan.claim import claim
from loanbook.core.servicing.loan.posting import DayState


def write_off(day: DayState, events: pl.DataFrame) -> None:
    """A person gives the claim up: that which a charge-off would make."""
    claim_in_full(day, events)
    _earn_prepaid(day, events)
    mask = pl.col("loan_id").is_in(events["loan_id"].implode()) & owing()
    day.loans = day.loans.with_columns(
        written_off_on=pl.when(mask).then(BUSINESS_DATE).otherwise("written_off_on"),
        recoverable=pl.when(mask).then(claim()).otherwise("recoverable"),
    )
    give_up(day, events, Status.written_off)


def _earn_prepaid(day: DayState, events: pl.DataFrame) -> None:
    """What is given up is what a payoff would ask: no interest that was paid in advance is set against it."""
    mine = pl.col("loan_id").is_in(events["loan_id"].implode())
    earn_prepaid(day, events, day.loans.select(mine & owing()).to_series())


def owing() -> pl.Expr:
    """Loans with a claim to give up, on the books or off them."""
    return pl.col("status").is_in([Status.active.value, Status.charged_off.value])


def give_up(day: DayState, events: pl.DataFrame, status: Status) -> None:
    """The claim is extinguished: every component against the write-off, or memorandum only.

    Of a loan that owes nothing, because money came to light since, there is nothing to give up.
    """
    _earn_prepaid(day, events)
    loans = (
        day.loans.filter(owing())
        .join(events.select("loan_id", "event_id"), on="loan_id")
        .with_columns(claim=claim())
    )
    kept = loans.filter(pl.col("status") != Status.charged_off.value)
    for column, role in CLAIM_ROLES.items():
        day.book(kept, "write_off_expense", role, column)
    off = loans.filter(pl.col("status") == Status.charged_off.value)
    day.book(off, "memo_contra", "memo_claim", "claim")
    offset_loss(day, loans, "write_off_expense")
    day.loans = extinguished(day.loans, loans["loan_id"], status)


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
