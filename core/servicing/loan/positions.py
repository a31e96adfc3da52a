"""Positions: what a loan carries from one day to the next, beside its terms."""

from __future__ import annotations

import dataframely as dy

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.parameters import Parameters
from loanbook.core.contract.terms import Agreed, Terms
from loanbook.core.frames import (
    DATE,
    DAYS,
    EXACT,
    FLAG,
    KEY,
    MINOR,
    PPB_YEAR,
    changing,
    column,
    extended,
)


class _Claim(dy.Schema):
    loan_id = dy.Int64(primary_key=True, metadata=column("The loan's number", KEY))
    status = dy.Int8(
        metadata=column("State at the end of the day", "code of Status", Status.active.value)
    )
    principal = dy.Int64(min=0, metadata=column("Principal owed, billed or not", MINOR, 0))
    interest_accrued = dy.Int64(
        metadata=column(
            "Interest earned and not billed; below zero: paid before it was earned", MINOR, 0
        )
    )


_Dues = extended(
    _Claim,
    {each.due: dy.Int64(min=0, metadata=column(each.row.meaning, MINOR, 0)) for each in Component},
)
"""With a column of what is due for each component of the catalogue."""


class Positions(_Dues):  # type: ignore[misc,valid-type]
    """One row per live loan and business date. Money in minor units.

    The claim is what `claim` in `loanbook.core.servicing.loan.claim` sums up, less `credit`. `principal`
    includes `principal_due`.
    """

    credit = dy.Int64(
        min=0, metadata=column("The borrower's money that met nothing owed", MINOR, 0)
    )
    accrued_today = dy.Int64(
        metadata=column("Interest earned by the night before the date", MINOR, 0)
    )
    paid_today = dy.Int64(
        min=0, metadata=column("Money received on the date, whatever it met", MINOR, 0)
    )
    instalment_no = dy.Int16(
        min=1, metadata=column("The instalment that is billed next", "instalment number")
    )
    period_start = dy.Date(metadata=column("The running interest period begins here", DATE))
    period_end = dy.Date(metadata=column("It ends here, and is billed in this day's close", DATE))
    next_due_date = dy.Date(
        metadata=column("Due date of that instalment, moved to a business day", DATE)
    )
    period_interest = dy.Int64(
        metadata=column("Scheduled interest of the running period; 0 past maturity", MINOR)
    )
    schedule_balance = dy.Int64(
        metadata=column("Principal left by the schedule before that instalment", MINOR)
    )
    interest_carried = dy.Int64(
        metadata=column("Scheduled interest that earlier instalments did not ask", MINOR)
    )
    segment_start = dy.Date(
        metadata=column("Since this date the balance that bears interest is the same", DATE)
    )
    accrued_units = dy.Int64(
        metadata=column(
            "Exact interest of the period's earlier balances, its whole units", MINOR, 0
        )
    )
    accrued_remainder = dy.Int64(
        metadata=column("Exact interest of the period's earlier balances, its remainder", EXACT, 0)
    )
    accrued_prepaid = dy.Int64(
        min=0, metadata=column("Interest of the period paid before it is billed", MINOR, 0)
    )
    prepaid_dues = dy.Int64(
        min=0, metadata=column("Money standing with instalments not yet billed", MINOR, 0)
    )
    oldest_due_date = dy.Date(
        nullable=True,
        metadata=column("Due date of the oldest instalment in arrears", DATE, None),
    )
    days_past_due = dy.Int32(
        min=0, metadata=column("Days that the loan is past due, by its product's rule", DAYS, 0)
    )
    bucket = dy.Int8(
        metadata=column("Range of days past due that the loan is in", "place in the bucket file", 0)
    )
    off_books = dy.Int64(
        min=0, metadata=column("Claim of a charged-off loan, in memorandum accounts", MINOR, 0)
    )
    interest_earned = dy.Int64(metadata=column("Interest earned over the loan's life", MINOR, 0))
    principal_paid = dy.Int64(
        min=0, metadata=column("Principal paid over the loan's life", MINOR, 0)
    )
    interest_paid = dy.Int64(min=0, metadata=column("Interest paid over the loan's life", MINOR, 0))
    charges_paid = dy.Int64(
        min=0, metadata=column("Fees, penalties and taxes paid over the loan's life", MINOR, 0)
    )
    income_deferred = dy.Int64(
        min=0, metadata=column("Deferred fees not taken as income yet", MINOR, 0)
    )
    deferred_whole = dy.Int64(
        min=0,
        metadata=column("What was deferred where the line of income began", MINOR, 0),
    )
    deferred_from = dy.Date(
        nullable=True, metadata=column("The line of income begins here", DATE, None)
    )
    deferred_until = dy.Date(
        nullable=True, metadata=column("The line of income ends here", DATE, None)
    )
    deferred_to = dy.Int64(
        min=0,
        metadata=column("What is left at its end, for later periods of the yield", MINOR, 0),
    )
    eir_ppb = dy.Int64(
        nullable=True,
        metadata=column("Effective interest rate, deferred fees included", PPB_YEAR, None),
    )
    contract_yield_ppb = dy.Int64(
        nullable=True,
        metadata=column("The loan's yield without its deferred fees", PPB_YEAR, None),
    )
    interest_taxed = dy.Int64(
        min=0, metadata=column("Interest that a tax was asked on so far", MINOR, 0)
    )
    credit_unchanged_since = dy.Date(
        nullable=True, metadata=column("Since this date `credit` is what it is", DATE, None)
    )
    charged_off_on = dy.Date(
        nullable=True,
        metadata=column("Off the books since, also where nothing is owed", DATE, None),
    )
    written_off_on = dy.Date(
        nullable=True,
        metadata=column("The claim was written off on this date", DATE, None),
    )
    recoverable = dy.Int64(
        min=0,
        metadata=column("Given up by a write-off, and not recovered since", MINOR, 0),
    )
    non_accrual = dy.Bool(
        metadata=column("Interest is no income until it is received", FLAG, False)
    )
    performing_since = dy.Date(
        nullable=True,
        metadata=column("In non-accrual: without arrears since", DATE, None),
    )
    penal_base = dy.Int64(
        min=0, metadata=column("What is overdue and bears penal interest", MINOR, 0)
    )
    penal_from = dy.Date(
        nullable=True, metadata=column("It bears penal interest since", DATE, None)
    )
    in_grace = dy.Bool(
        metadata=column(
            "Line of credit: the cycle bears no interest, its statement being paid", FLAG, True
        )
    )
    statement_unpaid = dy.Int64(
        min=0, metadata=column("Line of credit: unpaid of the last statement", MINOR, 0)
    )
    tranche_balance_days = dy.Int64(
        metadata=column(
            "Tranches paid out in the period, each by the nights before it: of a fixed schedule, or of "
            "`on_time_balance`",
            "minor units times nights",
            0,
        )
    )
    down_payment_due = dy.Int64(
        min=0,
        metadata=column(
            "Down payments due and unpaid, where they bear no interest; else 0", MINOR, 0
        ),
    )
    on_time_balance = dy.Int64(
        nullable=True,
        metadata=column(
            "Of a daily loan lent in parts: principal that would be left before that instalment, had each "
            "since the first later payout been paid on its day; null: not counted",
            MINOR,
            None,
        ),
    )
    cash_advances = dy.Int64(
        min=0,
        metadata=column("Line of credit: principal that bears the cash-advance margin", MINOR, 0),
    )
    cash_advance_units = dy.Int64(
        min=0,
        metadata=column(
            "Exact interest of cash advances alone, earlier balances, its whole units", MINOR, 0
        ),
    )
    cash_advance_remainder = dy.Int64(
        min=0,
        metadata=column(
            "Exact interest of cash advances alone, earlier balances, its remainder", EXACT, 0
        ),
    )


STATE = tuple(Positions.column_names())
CHANGING = changing(Terms, Agreed, Parameters)
"""What a change of the contract may set anew, of the columns beside the position."""
