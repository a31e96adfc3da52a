"""Statements of lines of credit: when they are due, what they ask, whether a line may be drawn on.

The period of the terms is the statement cycle. On its last day the cycle's interest and as much
principal as the minimum asks become dues; they are owed from then on, late after `due_days`.
Interest runs on the balance day by day, so on the average daily balance; a cycle in grace shows none
of it and drops it at its statement. Source: the product's domain rules, Line of credit.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.due_dates import days_to_pay
from loanbook.core.contract.money import PPB, Rounding, int128, rounded_quotient
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import charges_and_taxes, overdue


def payment_due() -> pl.Expr:
    """The day on which the last statement's minimum is due; before the first one none is asked."""
    return pl.col("period_start") + days_to_pay()


def open_to_draw() -> pl.Expr:
    """Lines that may be drawn on: they stay in the book though nothing is owed."""
    return (
        pl.col("revolving")
        & (pl.col("principal_agreed") > 0)
        & (pl.col("instalment_no") <= pl.col("instalments"))
    )


def minimum_principal() -> pl.Expr:
    """Principal that today's statement asks; reads `billed_interest` and positions.

    Minimum = min(balance, max(floor, percent of principal + interest + fees) + past due + over
    limit); what of it is no interest, fee or past due is principal.
    """
    principal, interest = pl.col("principal"), pl.col("billed_interest")
    fees, past = charges_and_taxes(), pl.col("principal_due") + pl.col("interest_due")
    share = minimum_share()
    over = (principal - pl.col("principal_agreed")).clip(lower_bound=0)
    demanded = pl.max_horizontal("minimum_floor", share + interest + fees) + past + over
    balance = principal + pl.col("interest_due") + interest + fees
    minimum = pl.min_horizontal(balance, demanded)
    rest = principal - pl.col("principal_due")
    return pl.min_horizontal(minimum - interest - fees - past, rest).clip(lower_bound=0)


def minimum_share() -> pl.Expr:
    """The share of the principal that a minimum asks beside interest and charges."""
    whole = int128(pl.col("principal")) * int128(pl.col("minimum_ppb"))
    return rounded_quotient(whole, int128(PPB), Rounding.half_even)


def statement_balance() -> pl.Expr:
    """What a statement says is owed, after its billing."""
    owed = pl.col("principal") + pl.col("interest_due") + charges_and_taxes()
    return (owed - pl.col("credit")).clip(lower_bound=0)


def statements(visits: pl.DataFrame) -> pl.DataFrame:
    """Statements of lines: `loan_id`, `statement_date`, `balance`, `minimum`, `advances` (Int64 minor
    units; part of the balance), `due_on` (Date), `in_grace` (Boolean: the cycle before it bore no interest).

    `visits`: terms, positions and `business_date` of the evenings of days that loans were visited on
    (`loanbook.core.servicing.replay.fast_forward`).
    """
    ended = (
        pl.col("revolving")
        & (pl.col("period_start") == BUSINESS_DATE)
        & (pl.col("instalment_no") > 1)
    )
    minimum = overdue()
    return visits.filter(ended).select(
        "loan_id",
        BUSINESS_DATE.alias("statement_date"),
        statement_balance().alias("balance"),
        minimum.alias("minimum"),
        "cash_advances",
        payment_due().alias("due_on"),
        "in_grace",
    )
